// Writes a Person to a file: java WritePerson FILE NAME PLACE YEAR
import java.io.*;

public class WritePerson {
    public static void main(String[] args) throws IOException {
        try (ObjectOutputStream out = new ObjectOutputStream(new FileOutputStream(args[0]))) {
            out.writeObject(new Person(args[1], args[2], Integer.parseInt(args[3])));
        }
    }
}
