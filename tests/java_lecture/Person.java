// The lecture's class as it declares it: the field is address, and there is no
// serialVersionUID, so Java computes one. Its constructor assigned place, which does not exist.
public class Person implements java.io.Serializable {
    private String name;
    private String address;
    private int year;

    public Person(String aName, String aPlace, int aYear) {
        this.name = aName;
        this.address = aPlace;
        this.year = aYear;
    }

    public String getName() {
        return name;
    }

    public String getPlace() {
        return address;
    }

    public int getYear() {
        return year;
    }
}
