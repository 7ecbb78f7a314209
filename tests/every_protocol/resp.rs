//! RESP: the words of text, each a bulk string, and data as it is.

use std::io::{BufRead, Read};

use super::support::Running;
use super::text::{Text, understood};
use super::{Answered, Asked, Protocol};
use leasebox::common::error::Code;
use leasebox::common::escape::unescape;

struct Resp(Text);

pub fn start(server: &Running) -> Box<dyn Protocol> {
    Box::new(Resp(Text { client: server.connect(), ids: Vec::new() }))
}

/// How many words stand before a command's data.
fn before_data(command: &str) -> Option<usize> {
    match command {
        "set" | "open" | "send" | "publish" | "store" => Some(2),
        "deliver" | "replace" | "patch" => Some(3),
        "put" => Some(4),
        _ => None,
    }
}

impl Resp {
    fn send(&mut self, line: &str) {
        let command = line.split(' ').next().unwrap();
        let pieces = before_data(command).map_or(usize::MAX, |before| before + 1);
        let words: Vec<Vec<u8>> = line
            .splitn(pieces, ' ')
            .enumerate()
            .map(|(at, word)| match at + 1 == pieces {
                true => unescape(word.as_bytes()).unwrap().into_owned(),
                false => word.as_bytes().to_vec(),
            })
            .collect();
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend(format!("${}\r\n", word.len()).bytes().chain(word).chain(*b"\r\n"));
        }
        self.0.client.send(bytes);
    }

    fn line(&mut self) -> (char, String) {
        let mut line = String::new();
        self.0.client.stream.read_line(&mut line).unwrap();
        let line = line.strip_suffix("\r\n").unwrap_or_else(|| panic!("{line:?}"));
        (line.chars().next().unwrap(), line[1..].to_string())
    }
}

impl Protocol for Resp {
    fn ask(&mut self, asked: &Asked) -> Option<Answered> {
        let line = self.0.line(asked);
        self.send(&line);
        Some(match self.line() {
            ('*', count) => {
                let numbers = (0..count.parse().unwrap()).map(|_| match self.line() {
                    (':', number) => number.parse().unwrap(),
                    other => panic!("{other:?}"),
                });
                Answered::Numbers(numbers.collect())
            }
            ('$', length) if length == "-1" => Answered::No(Code::NotFound),
            ('$', length) => {
                let mut data = vec![0; length.parse::<usize>().unwrap() + 2];
                self.0.client.stream.read_exact(&mut data).unwrap();
                assert!(data.ends_with(b"\r\n"));
                data.truncate(data.len() - 2);
                Answered::Data(data)
            }
            ('-', error) => {
                let error = error.strip_prefix("ERR ").unwrap();
                understood(asked, &format!("error {error}"), &mut self.0.ids)
            }
            ('+', text) => understood(asked, &text, &mut self.0.ids),
            other => panic!("{other:?}"),
        })
    }

    fn last_id(&self) -> String {
        self.0.last_id()
    }

    fn learn(&mut self, id: &str) {
        self.0.learn(id);
    }
}
