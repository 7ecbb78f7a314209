// The lecture's class with a sequence: the person's telephone numbers.
public class Person implements java.io.Serializable {
    private static final long serialVersionUID = 1;
    final String name;
    final String place;
    final int year;
    final String[] telephones;

    Person(String name, String place, int year, String[] telephones) {
        this.name = name;
        this.place = place;
        this.year = year;
        this.telephones = telephones;
    }
}
