//! Text: all that can be said, in lines.

use leasebox::common::error::Code;
use leasebox::common::escape::{escape, unescape};

use super::support::{Client, numbers};
use super::{Answered, Asked, LONG, Protocol, is_new, said, told};

pub struct Text {
    pub client: Client,
    pub ids: Vec<String>,
}

impl Text {
    fn id(&self, lease: usize) -> &str {
        self.ids.get(lease).map_or("2147483647", String::as_str)
    }

    /// What is asked, as a line.
    pub fn line(&self, asked: &Asked) -> String {
        match asked {
            Asked::Draw(count) => format!("draw {count}"),
            Asked::Lease(size) => format!("lease {size} {}", LONG.as_millis()),
            Asked::Set(lease, data) => {
                let mut escaped = Vec::new();
                escape(data, &mut escaped);
                format!("set {} {}", self.id(*lease), String::from_utf8(escaped).unwrap())
            }
            Asked::Get(lease) => format!("get {}", self.id(*lease)),
            Asked::Renew(lease) => format!("renew {} {}", self.id(*lease), LONG.as_millis()),
            Asked::Ttl(lease) => format!("ttl {}", self.id(*lease)),
            Asked::Release(lease) => format!("release {}", self.id(*lease)),
            Asked::Tree => "tree".to_string(),
            Asked::Table => "table 50".to_string(),
            Asked::Join(committed) => format!("join p {committed}"),
            Asked::Report(freeable, efficiency) => format!("report {freeable} {efficiency}"),
            Asked::Request(size, reason, freeable) => {
                let freeable = freeable.map_or(String::new(), |bytes| format!(" freeable={bytes}"));
                format!("request {size} {}{freeable} why", reason.word())
            }
            Asked::Return(block) => format!("return {}", self.id(*block)),
            Asked::Reuse(size) => format!("reuse {size}"),
            Asked::Owed => "owed".to_string(),
            Asked::Pools => "pools".to_string(),
            Asked::Leave => "leave".to_string(),
            Asked::Say(saying, which) | Asked::Peer(saying, which) => said(saying, self.id(*which)),
        }
    }
}

/// What a line of text says; a new id is learnt.
pub fn understood(asked: &Asked, reply: &str, ids: &mut Vec<String>) -> Answered {
    let words: Vec<&str> = reply.split(' ').collect();
    let code = |word: &str| Code::ALL.into_iter().find(|code| code.word() == word).unwrap();
    match (asked, words[0]) {
        (_, "error") => Answered::No(code(words[1])),
        (Asked::Lease(_), "leased") => {
            ids.push(words[1].to_string());
            Answered::Leased(Some((words[2].parse().unwrap(), words[3].parse().unwrap())))
        }
        (_, "leased") => {
            Answered::Leased(Some((words[2].parse().unwrap(), words[3].parse().unwrap())))
        }
        (_, "set") => Answered::Set(Some(words[2].parse().unwrap())),
        (_, "tree") => Answered::Tree(words[1..].join(" ")),
        (_, "table") => Answered::Table(
            words[1..]
                .iter()
                .map(|row| {
                    let mut numbers = row.split(':').map(|number| number.parse().unwrap());
                    (numbers.next().unwrap(), numbers.nth(1).unwrap())
                })
                .collect(),
        ),
        (_, "data") => {
            let data = reply.splitn(3, ' ').nth(2).unwrap();
            Answered::Data(unescape(data.as_bytes()).unwrap().into_owned())
        }
        (_, "ttl") => Answered::Ttl,
        (Asked::Request(..), _) | (Asked::Say(..) | Asked::Peer(..), "opened") if is_new(reply) => {
            ids.push(words[1].to_string());
            Answered::Told(told(reply))
        }
        (Asked::Say(..) | Asked::Peer(..), _) => Answered::Told(told(reply)),
        (_, "joined" | "reported" | "returned" | "reused" | "owed" | "pools" | "left") => {
            Answered::Told(told(reply))
        }
        (_, "released") => Answered::Released(words[2].parse().unwrap()),
        _ => Answered::Numbers(numbers(reply)),
    }
}

impl Protocol for Text {
    fn ask(&mut self, asked: &Asked) -> Option<Answered> {
        let line = self.line(asked);
        let reply = self.client.ask(&line);
        Some(understood(asked, &reply, &mut self.ids))
    }

    fn last_id(&self) -> String {
        self.ids.last().unwrap().clone()
    }

    fn learn(&mut self, id: &str) {
        self.ids.push(id.to_string());
    }
}
