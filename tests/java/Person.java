// The lecture's class; it declares address there, and assigns place.
public class Person implements java.io.Serializable {
    private static final long serialVersionUID = 1;
    private String name;
    private String place;
    private int year;

    public Person(String aName, String aPlace, int aYear) {
        name = aName;
        place = aPlace;
        year = aYear;
    }

    public String getName() {
        return name;
    }

    public String getPlace() {
        return place;
    }

    public int getYear() {
        return year;
    }
}
