// Writes a Person to a file: java Telephones write FILE NAME PLACE YEAR NUMBER...
// Reads one and prints it:    java Telephones read FILE
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

public class Telephones {
    public static void main(String[] args) throws IOException, ClassNotFoundException {
        if (args[0].equals("write")) {
            String[] telephones = Arrays.copyOfRange(args, 5, args.length);
            int year = Integer.parseInt(args[4]);
            try (ObjectOutputStream out = new ObjectOutputStream(new FileOutputStream(args[1]))) {
                out.writeObject(new Person(args[2], args[3], year, telephones));
            }
            return;
        }
        try (ObjectInputStream in = new ObjectInputStream(new FileInputStream(args[1]))) {
            Person person = (Person) in.readObject();
            String numbers = String.join("\n", person.telephones);
            String text = person.name + "\n" + person.place + "\n" + person.year + "\n" + numbers + "\n";
            System.out.write(text.getBytes(StandardCharsets.UTF_8));
            System.out.flush();
        }
    }
}
