import java.io.*;
import java.net.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A draw server in Java. The argument is its port: {@code javac Loot.java && java Loot 8888}. KIND is one of
 *
 * <pre>
 *   synchronized   a synchronized method, a thread for each client
 *   pool           a ReentrantLock, and a pool of threads
 *   lines          synchronized; each number on a line of its own
 *   no_lock        index = counter; counter = index + 1
 *   a_lock_each    each client synchronizes on an object of its own
 *   choice         a number is chosen at random, and not taken out
 * </pre>
 */
public class Loot {
    private static final int NUMBERS = 100_000;
    private static final String KIND = "synchronized";

    private final List<Integer> numbers = new ArrayList<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Random random = new Random();
    private int counter;

    Loot() {
        for (int number = 1; number <= NUMBERS; number++) numbers.add(number);
        Collections.shuffle(numbers);
    }

    private synchronized List<Integer> takeSynchronized(int count) {
        return take(count);
    }

    private List<Integer> take(int count) {
        List<Integer> taken = new ArrayList<>();
        while (taken.size() < count) {
            int index = counter;
            if (index >= numbers.size()) break;
            // The log, once a draw. Without it the window has some nanoseconds, which a busy machine hides.
            if (taken.isEmpty() && (KIND.equals("no_lock") || KIND.equals("a_lock_each"))) LockSupport.parkNanos(20_000);
            counter = index + 1;
            taken.add(numbers.get(index));
        }
        return taken;
    }

    private List<Integer> draw(int count, Object own) {
        switch (KIND) {
            case "no_lock":
                return take(count);
            case "a_lock_each":
                synchronized (own) {
                    return take(count);
                }
            case "choice": {
                List<Integer> chosen = new ArrayList<>();
                for (int at = 0; at < count; at++) chosen.add(numbers.get(random.nextInt(numbers.size())));
                return chosen;
            }
            case "pool":
                lock.lock();
                try {
                    return take(count);
                } finally {
                    lock.unlock();
                }
            default:
                return takeSynchronized(count);
        }
    }

    private void serve(Socket socket) {
        try (Socket client = socket) {
            client.setTcpNoDelay(true);
            BufferedReader in =
                new BufferedReader(new InputStreamReader(client.getInputStream(), StandardCharsets.ISO_8859_1));
            DataOutputStream out = new DataOutputStream(new BufferedOutputStream(client.getOutputStream(), 1 << 16));
            Object own = new Object();
            for (String line; (line = in.readLine()) != null; out.flush()) {
                String[] words = line.trim().split(" ");
                int count = 0;
                try {
                    count = words.length == 2 && words[0].equals("draw") ? Integer.parseInt(words[1]) : 0;
                } catch (NumberFormatException noNumber) {
                    count = 0;
                }
                if (count < 1) {
                    out.writeBytes("error say draw and a number\n");
                    continue;
                }
                List<Integer> taken = draw(count, own);
                String between = KIND.equals("lines") ? "\n" : " ";
                StringBuilder reply = new StringBuilder();
                for (int number : taken) reply.append(reply.length() == 0 ? "" : between).append(number);
                out.writeBytes(taken.isEmpty() ? "no numbers left\n" : reply.append('\n').toString());
            }
        } catch (IOException gone) {
            // The client is gone.
        }
    }

    public static void main(String[] words) throws IOException {
        int port = words.length > 0 ? Integer.parseInt(words[0]) : 0;
        Loot loot = new Loot();
        ExecutorService pool = Executors.newCachedThreadPool();
        ServerSocket listener = new ServerSocket(port, 512, InetAddress.getLoopbackAddress());
        while (true) {
            Socket client = listener.accept();
            if (KIND.equals("pool")) pool.execute(() -> loot.serve(client));
            else new Thread(() -> loot.serve(client)).start();
        }
    }
}
