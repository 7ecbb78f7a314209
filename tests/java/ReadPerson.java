// Reads a Person from a file and prints it: java ReadPerson FILE
import java.io.*;
import java.nio.charset.StandardCharsets;

public class ReadPerson {
    public static void main(String[] args) throws IOException, ClassNotFoundException {
        try (ObjectInputStream in = new ObjectInputStream(new FileInputStream(args[0]))) {
            Person person = (Person) in.readObject();
            String text = person.getName() + "\n" + person.getPlace() + "\n" + person.getYear() + "\n";
            System.out.write(text.getBytes(StandardCharsets.UTF_8));
            System.out.flush();
        }
    }
}
