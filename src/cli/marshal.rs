//! `leasebox marshal` and `leasebox unmarshal`: the lecture's two programs, for each of its
//! external data representations.
//!
//! ```text
//!   $ leasebox marshal --as xdr Smith London 1934
//!   00000005536d697468000000000000064c6f6e646f6e00000000078e
//!   00000005536d697468000000  name   length 5, "Smith", padding 3
//!   000000064c6f6e646f6e0000  place  length 6, "London", padding 2
//!   0000078e                  year   1934
//! ```
//!
//! The lecture's programs write the file `person` and read it back. Here the bytes go through a
//! pipe, or through a file that the user names.
//!
//! **Invariants** `unmarshal` reads at most 1 MiB and one byte of its input, so an endless one such
//! as `/dev/zero` ends with an error.
//!
//! **Lock** none. **Source** the lecture's programs for Java object serialization and
//! deserialization. [`crate::lecture::marshal`] has the representations.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValue;

use crate::cli::{no_answer, print, printable, units};
use crate::lecture::marshal::value::{FieldType, ValueField};
use crate::lecture::marshal::{
    EncodedPart, Form, JavaClass, Person, bytes_of, marshal, marshal_values, unmarshal,
    unmarshal_values,
};
use crate::protocol::byte_order::ByteOrder;

/// The greatest width of the column of hexadecimal digits: room for 24 bytes. A longer part moves
/// only the text on its own line to the right.
const WIDEST: usize = 48;

/// The longest file that is read, in bytes: a person needs about 100, so this bound is only against
/// wrong files.
const MAX_FILE: u64 = 1 << 20;

/// Returns the words of `--as`, with their help.
fn forms() -> [(PossibleValue, Form); 5] {
    let row = |word, help, form| (PossibleValue::new(word).help(help), form);
    [
        row("xdr", "Sun's XDR, which the lecture's book shows as CORBA", Form::Xdr),
        row("cdr-be", "CORBA's CDR, big-endian", Form::Cdr(ByteOrder::Big)),
        row("cdr-le", "CORBA's CDR, little-endian", Form::Cdr(ByteOrder::Little)),
        row("java", "Java object serialization", Form::Java(JavaClass::OURS)),
        row("xml", "XML", Form::Xml),
    ]
}

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox marshal --as xdr Smith London 1934\n  \
    leasebox marshal --as java --raw Smith London 1934 > person\n  \
    leasebox marshal --as cdr-be --telephone 7946-0123 --telephone 7946-0124 Smith London 1934\n  \
    leasebox marshal --as xdr --values boolean:true float:19.34 double:-0.1 char:S long[]:1,2,3\n  \
    leasebox unmarshal --as java person\n\n\
    For the lecture's own class, which declares address and no serialVersionUID:\n  \
    leasebox marshal --as java --address --uid -1864502210081856774L --raw Ada London 1815\n\n\
    Exit 0: it was written; 2: the representation cannot have what was given.")]
pub struct Marshal {
    /// The external data representation
    #[arg(long = "as", value_parser = units::one_of(forms()))]
    form: Form,
    /// With --as java: the serialVersionUID of the class that will read, as serialver prints it
    #[arg(long, value_name = "N", default_value = "1", value_parser = uid, allow_hyphen_values = true)]
    uid: i64,
    /// With --as java: that class calls the place address, as the lecture's does
    #[arg(long)]
    address: bool,
    /// A telephone number of the person; may be given several times. They are a sequence
    #[arg(long = "telephone", value_name = "NUMBER", conflicts_with = "values")]
    telephones: Vec<String>,
    /// With --as xdr or cdr: values in place of a person. The types are boolean, char, long, float,
    /// double and string, and each with [] for a sequence
    #[arg(long, value_name = "TYPE:VALUE", num_args = 1.., conflicts_with_all = ["name", "place", "year"])]
    values: Vec<ValueField>,
    /// Write the bytes themselves, without hexadecimal digits and explanations
    #[arg(long)]
    raw: bool,
    /// The person's name
    #[arg(required_unless_present = "values")]
    name: Option<String>,
    /// The person's place
    #[arg(required_unless_present = "values")]
    place: Option<String>,
    /// The year, -2147483648 to 2147483647
    #[arg(required_unless_present = "values", allow_negative_numbers = true)]
    year: Option<i32>,
}

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    leasebox unmarshal --as java person\n  \
    leasebox marshal --as xml Smith London 1934 | leasebox unmarshal --as xml -\n  \
    leasebox unmarshal --as cdr-le --types boolean,float values\n\n\
    Exit 0: it was read; 2: the file cannot be read, or holds no person.")]
pub struct Unmarshal {
    /// The external data representation
    #[arg(long = "as", value_parser = units::one_of(forms()))]
    form: Form,
    /// With --as xdr or cdr: the types of the values that the file has in place of a person
    #[arg(long, value_name = "TYPE,TYPE", value_delimiter = ',')]
    types: Vec<FieldType>,
    /// The file with the bytes; - for standard input
    file: PathBuf,
}

/// Prints the encoding of a person: annotated, or the bytes alone with `--raw`. XML is text, so it
/// is always printed as it is.
pub fn run_marshal(arguments: Marshal) -> ExitCode {
    let Marshal { form, uid, address, telephones, values, raw, name, place, year } = arguments;
    let form = match form {
        Form::Java(_) => Form::Java(JavaClass { uid, has_address: address }),
        // `OURS.uid` is the default of `--uid`, so any other value comes from the user.
        _ if address || uid != JavaClass::OURS.uid => {
            return no_answer("--uid and --address are about Java's form; give --as java, too");
        }
        form => form,
    };
    let parts = match values.is_empty() {
        // clap lets none of the three be missing here.
        true => {
            let (name, place) = (name.unwrap_or_default(), place.unwrap_or_default());
            marshal(&Person { name, place, year: year.unwrap_or_default(), telephones }, form)
        }
        false => marshal_values(&values, form),
    };
    match parts {
        Ok(parts) if raw || form == Form::Xml => print(&bytes_of(&parts), ExitCode::SUCCESS),
        Ok(parts) => print(annotated(&parts).as_bytes(), ExitCode::SUCCESS),
        Err(why) => no_answer(why),
    }
}

/// Reads a `serialVersionUID`: a number of 64 bits, perhaps with Java's `L` behind it.
fn uid(text: &str) -> Result<i64, String> {
    let digits = text.strip_suffix(['L', 'l']).unwrap_or(text);
    digits.parse().map_err(|_| "give a number of 64 bits, such as -1864502210081856774L".into())
}

/// Returns the whole encoding on the first line, then each part with its meaning on a line of its
/// own.
fn annotated(parts: &[EncodedPart]) -> String {
    let longest = parts.iter().map(|part| part.bytes.len()).max().unwrap_or_default();
    let width = (2 * longest).min(WIDEST);
    let line = |part: &EncodedPart| format!("{:<width$}  {}\n", hex(&part.bytes), part.what);
    hex(&bytes_of(parts)) + "\n" + &parts.iter().map(line).collect::<String>()
}

/// Returns two hexadecimal digits for each byte.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Prints the person that an encoding holds, in the words of the lecture's program.
pub fn run_unmarshal(arguments: &Unmarshal) -> ExitCode {
    let shown = arguments.file.display();
    let bytes = match read(&arguments.file) {
        Ok(bytes) => bytes,
        Err(error) => return no_answer(format!("{shown} cannot be read ({error}); give a file")),
    };
    if bytes.len() as u64 > MAX_FILE {
        return no_answer(format!("{shown} is longer than {MAX_FILE} bytes; give one person"));
    }
    let form = arguments.form;
    let lines = match arguments.types.is_empty() {
        true => unmarshal(&bytes, form).map(person_lines),
        false => unmarshal_values(&bytes, &arguments.types, form)
            .map(|fields| fields.iter().map(ValueField::to_string).collect()),
    };
    match lines {
        Ok(lines) => {
            // The encoding may come from anyone: its strings may hold a line break that forges a
            // field.
            let text: String = lines.iter().map(|line| printable(line) + "\n").collect();
            print(text.as_bytes(), ExitCode::SUCCESS)
        }
        Err(why) => no_answer(format!("{shown}: {why}")),
    }
}

/// Returns the lines that show a person.
fn person_lines(person: Person) -> Vec<String> {
    let Person { name, place, year, telephones } = person;
    let mut lines = vec![
        format!("Person Name: {name}"),
        format!("Person Place: {place}"),
        format!("Person Year: {year}"),
    ];
    lines.extend(telephones.iter().map(|number| format!("Person Telephone: {number}")));
    lines
}

/// Reads the file, or standard input for `-`. It stops one byte behind the limit: that byte shows
/// that the file is too long. Asking for the length first would not help, as a pipe has none.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let bound = MAX_FILE + 1;
    if file.as_os_str() == "-" {
        io::stdin().lock().take(bound).read_to_end(&mut bytes)?;
    } else {
        File::open(file)?.take(bound).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
