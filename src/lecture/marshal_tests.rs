//! Tests of the lecture's representations: the exact bytes, both directions, and refusals.

use super::*;
use proptest::prelude::*;

const FORMS: [Form; 5] = [
    Form::Xdr,
    Form::Cdr(ByteOrder::Big),
    Form::Cdr(ByteOrder::Little),
    Form::Java(JavaClass::OURS),
    Form::Xml,
];

fn smith() -> Person {
    Person { name: "Smith".into(), place: "London".into(), year: 1934, telephones: Vec::new() }
}

fn encoded(person: &Person, form: Form) -> Vec<u8> {
    bytes_of(&marshal(person, form).unwrap())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_books_figure_is_xdr() {
    let figure = "00000005 536d6974 68000000 00000006 4c6f6e64 6f6e0000 0000078e";
    assert_eq!(hex(&encoded(&smith(), Form::Xdr)), figure.replace(' ', ""));
}

#[test]
fn cdr_counts_the_nul_and_has_the_senders_order() {
    let big = "00000006 536d697468000000 00000007 4c6f6e646f6e0000 0000078e";
    let little = "06000000 536d697468000000 07000000 4c6f6e646f6e0000 8e070000";
    assert_eq!(hex(&encoded(&smith(), Form::Cdr(ByteOrder::Big))), big.replace(' ', ""));
    assert_eq!(hex(&encoded(&smith(), Form::Cdr(ByteOrder::Little))), little.replace(' ', ""));
}

#[test]
fn javas_96_bytes_are_the_jdks() {
    let golden = "aced0005 73 72 0006506572736f6e 0000000000000001 02 0003 \
         49 000479656172 4c 00046e616d65 74 00124c6a6176612f6c616e672f537472696e673b \
         4c 0005706c616365 71 007e0001 78 70 0000078e 740005536d697468 7400064c6f6e646f6e";
    let bytes = encoded(&smith(), Form::Java(JavaClass::OURS));
    assert_eq!((hex(&bytes), bytes.len()), (golden.replace([' ', '\n'], ""), 96));
}

#[test]
fn java_reads_what_the_jdk_writes_in_other_cases() {
    let bytes = encoded(&smith(), Form::Java(JavaClass::OURS));
    // The JDK may compute another serialVersionUID, or write one string object for both fields.
    let mut other = bytes.clone();
    other[14..22].copy_from_slice(&0x1234_5678_9abc_def0_u64.to_be_bytes());
    assert_eq!(unmarshal(&other, Form::Java(JavaClass::OURS)), Ok(smith()));
    let mut same = bytes[..87].to_vec();
    same.extend([0x71, 0, 0x7e, 0, 3]);
    let twice = Person { place: "Smith".into(), ..smith() };
    assert_eq!(unmarshal(&same, Form::Java(JavaClass::OURS)), Ok(twice));
    let long = Person { name: "x".repeat(70_000), ..smith() };
    let bytes = encoded(&long, Form::Java(JavaClass::OURS));
    assert_eq!(bytes[79], 0x7c, "a long string");
    assert_eq!(unmarshal(&bytes, Form::Java(JavaClass::OURS)), Ok(long));
}

#[test]
fn what_references_copy_in_javas_form_is_bounded() {
    let long = "x".repeat(60_000);
    let person = Person { telephones: vec![long.clone()], ..smith() };
    let good = encoded(&person, Form::Java(JavaClass::OURS));
    // The count of telephone numbers stands before their 60,003 bytes.
    let count = good.len() - 60_003 - 1;
    let with_references = |references: u8| {
        let mut bytes = good.clone();
        bytes[count] = 1 + references;
        // The class, three types, the person, name, place, the array and its class come before.
        (0..references).for_each(|_| bytes.extend([0x71, 0, 0x7e, 0, 8]));
        unmarshal(&bytes, Form::Java(JavaClass::OURS))
    };
    assert_eq!(with_references(16).unwrap().telephones, vec![long; 17]);
    assert!(with_references(18).unwrap_err().contains("more than 1 MiB"));
}

#[test]
fn java_refuses_all_but_a_person() {
    let good = encoded(&smith(), Form::Java(JavaClass::OURS));
    let changed = |at: usize, bytes: &[u8]| {
        let mut other = good.clone();
        other[at..at + bytes.len()].copy_from_slice(bytes);
        other
    };
    let place = b"\0\x05place";
    let at = good.windows(place.len()).position(|bytes| bytes == place).unwrap();
    let name_twice = [&good[..at], b"\0\x04name", &good[at + place.len()..]].concat();
    let cases = [
        (name_twice, "the fields are not name, place and year"),
        (changed(0, b"x"), "at byte 0: this is not the magic"),
        (changed(4, b"x"), "not an object"),
        (changed(8, b"Q"), "class is \"Qerson\""),
        (changed(22, &[3]), "default way"),
        (changed(23, &[0, 5]), "three or four fields"),
        (changed(23, &[0, 4]), "the stream ends within a string"),
        (changed(25, b"J"), "field \"year\""),
        (changed(28, b"r"), "field \"rear\""),
        (changed(74, &[0x72]), "superclass"),
        (changed(79, &[0x70]), "null"),
        (changed(69, &[0, 0x7e, 0, 0]), "refers to no string"),
        (changed(69, &[0, 0, 0, 0]), "refers to no string"),
        (changed(82, &[0xff]), "no modified UTF-8"),
        ([&good[..], b"x"].concat(), "1 bytes follow"),
    ];
    for (bytes, why) in cases {
        let error = unmarshal(&bytes, Form::Java(JavaClass::OURS)).unwrap_err();
        assert!(error.contains(why), "{why}: {error}");
    }
}

#[test]
fn an_encoding_that_is_cut_or_goes_on_is_refused() {
    for form in FORMS {
        let good = encoded(&smith(), form);
        assert_eq!(unmarshal(&good, form), Ok(smith()));
        // XML without its last line feed is still whole.
        let whole = good.len() - usize::from(form == Form::Xml);
        for cut in 0..whole {
            assert!(unmarshal(&good[..cut], form).is_err(), "{form:?} cut at {cut}");
        }
        assert!(unmarshal(&[&good[..], b"x"].concat(), form).is_err(), "{form:?}");
    }
    let mut padded = encoded(&smith(), Form::Xdr);
    padded[9] = 1;
    assert!(unmarshal(&padded, Form::Xdr).unwrap_err().contains("padding of the name"));
    let long = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    assert!(unmarshal(&long, Form::Xdr).is_err() && unmarshal(&long, FORMS[1]).is_err());
}

#[test]
fn what_a_form_cannot_say_is_refused_and_all_else_is_said() {
    let odd = |name: &str| Person { name: name.into(), ..smith() };
    assert!(marshal(&odd("a\0b"), Form::Cdr(ByteOrder::Big)).is_err());
    assert!(marshal(&odd("a\u{1}b"), Form::Xml).is_err());
    for form in [Form::Xdr, Form::Java(JavaClass::OURS)] {
        assert_eq!(unmarshal(&encoded(&odd("a\0b"), form), form), Ok(odd("a\0b")));
    }
    let year = Person { year: -44, ..smith() };
    for form in FORMS {
        assert_eq!(unmarshal(&encoded(&year, form), form).as_ref(), Ok(&year));
    }
}

fn fields(words: &[&str]) -> Vec<ValueField> {
    words.iter().map(|word| word.parse().unwrap()).collect()
}

const VALUES: [&str; 7] = [
    "boolean:true",
    "float:19.34",
    "char:S",
    "double:-0.1",
    "string:Smith",
    "long[]:1,2,3",
    "string[]:a,bc",
];

#[test]
fn values_of_each_type_have_the_bytes_that_python_gives_them() {
    // xdrlib and pycdr2 wrote these; tests/clients/test_marshal.py asks them again.
    let xdr = "00000001 419ab852 00000053 bfb999999999999a 00000005536d697468000000 \
         00000003000000010000000200000003 00000002 0000000161000000 0000000262630000";
    let cdr = "01000000 52b89a41 53000000 00000000 9a9999999999b9bf 06000000536d69746800 0000 \
         03000000010000000200000003000000 02000000 020000006100 0000 03000000626300";
    for (form, expected) in [(Form::Xdr, xdr), (Form::Cdr(ByteOrder::Little), cdr)] {
        let parts = marshal_values(&fields(&VALUES), form).unwrap();
        let whole = expected.replace([' ', '\n'], "");
        assert_eq!(hex(&bytes_of(&parts)), whole, "{form:?}");
        let types: Vec<FieldType> =
            VALUES.iter().map(|word| word.split(':').next().unwrap().parse().unwrap()).collect();
        let bytes = bytes_of(&parts);
        assert_eq!(unmarshal_values(&bytes, &types, form), Ok(fields(&VALUES)));
        for cut in 0..bytes.len() {
            assert!(unmarshal_values(&bytes[..cut], &types, form).is_err(), "{form:?} at {cut}");
        }
        let longer = [&bytes[..], b"x"].concat();
        assert!(unmarshal_values(&longer, &types, form).unwrap_err().contains("goes on"));
        let what: Vec<_> = parts.iter().map(|part| part.what.as_str()).collect();
        assert!(what.contains(&"long[] count 3") && what.contains(&"[1]    2"), "{what:?}");
    }
    assert!(marshal_values(&fields(&VALUES), Form::Xml).unwrap_err().contains("--as xdr"));
    assert!(unmarshal_values(b"", &[], Form::Java(JavaClass::OURS)).is_err());
}

#[test]
fn words_that_are_no_value_are_refused_with_the_cure() {
    for (word, why) in [
        ("float", "a colon"),
        ("half:1", "give one of boolean, char, long"),
        ("boolean:1", "true or false"),
        ("char:ab", "one character"),
        ("char:", "one character"),
        ("char:\u{20ac}", "ISO 8859-1"),
        ("long:2147483648", "32 bits"),
        ("float:x", "a number"),
        ("long[]:1,,2", "\"\" is no long"),
    ] {
        let error = word.parse::<ValueField>().unwrap_err();
        assert!(error.contains(why), "{word}: {error}");
    }
    assert_eq!("long[]:".parse::<ValueField>().unwrap().values, []);
}

#[test]
fn bytes_that_are_no_value_are_refused_and_a_count_reserves_nothing() {
    let read = |bytes: &[u8], of: &str, form| unmarshal_values(bytes, &[of.parse().unwrap()], form);
    let (xdr, cdr) = (Form::Xdr, Form::Cdr(ByteOrder::Big));
    for (bytes, of, form, why) in [
        (&[0, 0, 0, 2][..], "boolean", xdr, "is 2, and not 0 or 1"),
        (&[2], "boolean", cdr, "is 2, and not 0 or 1"),
        (&[0, 0, 1, 0], "char", xdr, "more than 255"),
        (&[0xff; 4], "long[]", xdr, "end within"),
        (&[0xff; 4], "boolean[]", cdr, "ends too early"),
    ] {
        let error = read(bytes, of, form).unwrap_err();
        assert!(error.contains(why), "{bytes:?} {of}: {error}");
    }
    let nan = f32::from_bits(0x7fc0_1234);
    let parts = marshal_values(&[ValueField::one("float", Datum::Float(nan))], xdr).unwrap();
    assert_eq!(hex(&bytes_of(&parts)), "7fc01234");
}

#[test]
fn xml_is_read_however_it_is_written() {
    let read = |text: &str| unmarshal(text.as_bytes(), Form::Xml);
    let books = "<person id=\"1>2\">\r\n<year> 1934 </year><!-- a > comment -->\r\n\
         <name>Smith</name ><place a='\"'>Lon<![CDATA[d]]>&#111;&#x6e;</place></person >";
    assert_eq!(read(books), Ok(smith()));
    let named = "<person><name>&lt;&amp;&gt;&quot;&apos;</name><place/><year>1</year></person>";
    let odd = Person { name: "<&>\"'".into(), year: 1, ..Person::default() };
    assert_eq!(read(named), Ok(odd));
    let inner = "<name>a</name><place>b</place><year>1</year>";
    for (wrong, why) in [
        ("", "no <person>"),
        ("<persons/>", "no <person>"),
        ("<person/>", "no year"),
        ("<!DOCTYPE person><person/>", "document type"),
        (&format!("<person>{inner}<name>c</name></person>"), "second name"),
        (&format!("<person>{inner}</person><person/>"), "follows"),
        (&format!("<person>{inner}text</person>"), "\"text\" within"),
        (&format!("<person>{inner}"), "\"text\" within"),
        ("<person><name>&nbsp;</name></person>", "no character"),
        ("<person><name>&#0;</name></person>", "no character"),
        ("<person><name>&#+9;</name></person>", "no character"),
        ("<person><name><b/></name></person>", "element within name"),
        ("<person><name>a</place></person>", "not the end of name"),
        (&format!("<person>\n{}</person>", inner.replace('1', "1e3")), "no number"),
        ("<person\n<name", "line 1: the tag person does not end"),
        ("\u{1}", "XML has no"),
        ("<?xml version='1.0' encoding='ISO-8859-1'?><person/>", "not in UTF-8"),
        ("<?xml\nversion='1.0'\tencoding='ISO-8859-1'?><person/>", "not in UTF-8"),
        ("<!-- a -- b --><person/>", "-- within a comment"),
        ("<person><name>a]]>b</name></person>", "]]> within name"),
        (&format!("<person>{}</person>", inner.replace('1', "+1")), "no number"),
        (&format!("<person><{}/></person>", "q".repeat(5000)), "\"qqqqqqqqqqqqqqqqqqqq\""),
    ] {
        let error = read(wrong).unwrap_err();
        assert!(error.contains(why), "{wrong:?}: {error}");
    }
}

#[test]
fn every_field_is_annotated() {
    for form in [Form::Xdr, Form::Cdr(ByteOrder::Big), Form::Java(JavaClass::OURS)] {
        let parts = marshal(&smith(), form).unwrap();
        for word in ["name", "\"Smith\"", "place", "\"London\"", "year   1934"] {
            assert!(parts.iter().any(|part| part.what.contains(word)), "{form:?}: {word}");
        }
    }
}

fn anybody() -> impl Strategy<Value = Person> {
    let text = || prop::collection::vec(any::<char>(), 0..12);
    let joined = |text: Vec<char>| text.into_iter().collect::<String>();
    let numbers = prop::collection::vec(text().prop_map(joined), 0..4);
    (text(), text(), any::<i32>(), numbers).prop_map(move |(name, place, year, telephones)| {
        Person { name: joined(name), place: joined(place), year, telephones }
    })
}

proptest! {
    #[test]
    fn what_is_marshalled_is_unmarshalled_as_the_same(person in anybody()) {
        for form in FORMS {
            if let Ok(parts) = marshal(&person, form) {
                prop_assert_eq!(unmarshal(&bytes_of(&parts), form), Ok(person.clone()));
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        at in any::<prop::sample::Index>(),
    ) {
        for form in FORMS {
            let _ = unmarshal(&bytes, form);
            // Bytes that begin like a good encoding must not make it panic either.
            let mut begun = encoded(&smith(), form);
            begun.truncate(at.index(begun.len()));
            begun.extend_from_slice(&bytes);
            let _ = unmarshal(&begun, form);
        }
    }
}
