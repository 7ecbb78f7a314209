//! # Chapter 8: the lecture's programs
//!
//! **The question.** A lecture on distributed systems shows two echo servers, and several ways to
//! write a record as bytes. Which bytes does each of them send?
//!
//! **The wrong way.** A program sends a record as it lies in its memory. A receiver with the other
//! byte order reads the year 1934 (`0000078e`) as -1912143872 (`8e070000`). A pointer within the
//! record means nothing to the receiver at all.
//!
//! **The right way.** Both sides agree on an *external data representation*. The sender *marshals*
//! the record into it, and the receiver *unmarshals* it. [`marshal`] does both for one record in
//! four representations; [`modified_utf8`] is the form of a string in Java; [`echo`] runs the two
//! servers.
//!
//! | the record Smith, London, 1934 | bytes | names in the message |
//! | --- | --- | --- |
//! | XDR, CDR | 28 | none: both sides know the fields |
//! | Java | 96 | the class, its fields and their types |
//! | XML | 123 | the elements, for people too |
//!
//! The names are the price of independence: a receiver of XML finds the year wherever it stands,
//! and a receiver of XDR has to know that it is the third field.
//!
//! **What is guarded by what.** There is no lock: each connection of the echo server has its own
//! thread and its own buffer, and the threads share only an atomic counter.
//!
//! | short form | stands for |
//! | --- | --- |
//! | XDR | External Data Representation, by Sun |
//! | CORBA | a standard by which objects on different machines call each other |
//! | GIOP, CDR | CORBA's General Inter-ORB Protocol, and its Common Data Representation |
//!
//! **Source** `interprocess-communication-lecture.txt`: its slides on sockets and on external data
//! representation.

pub mod echo;
pub mod marshal;
pub mod modified_utf8;
