//! HTTP: numbers and memory; what a process asks is said beside it.

use super::support::{Client, Running, numbers};
use super::{Answered, Asked, LONG, Protocol};
use crate::support::http::{Response, ask};
use leasebox::common::error::Code;
use leasebox::common::escape::{escape, unescape};

struct Http {
    client: Client,
    ids: Vec<String>,
}

pub fn start(server: &Running) -> Box<dyn Protocol> {
    Box::new(Http { client: server.connect(), ids: Vec::new() })
}

/// The code of a refusal, as its text names it.
fn refused(response: &Response) -> Option<Answered> {
    let word = response.text().strip_prefix("error ").filter(|_| response.status >= 400)?;
    let is_it = |code: &Code| word.split(' ').next() == Some(code.word());
    Code::ALL.into_iter().find(is_it).map(Answered::No)
}

fn number(word: &str) -> u64 {
    word.trim_end().parse().unwrap()
}

impl Http {
    /// A set on condition, and a look at a lease or a part of it, as text tells of them.
    fn say(&mut self, saying: &str, id: &str) -> Option<Answered> {
        let words: Vec<&str> = saying.splitn(4, ' ').collect();
        let tags = |versions: &str| versions.replace(',', "\", \"");
        let response = match words[..] {
            ["replace", _, "*", data] => {
                let request = format!("PUT /leases/{id}");
                ask(&mut self.client, &request, "If-Match: *\r\n", data.as_bytes())
            }
            ["replace", _, versions, data] => {
                let (field, versions) = match versions.strip_prefix('!') {
                    Some(versions) => ("If-None-Match", versions),
                    None => ("If-Match", versions),
                };
                let field = format!("{field}: \"{}\"\r\n", tags(versions));
                let data = unescape(data.as_bytes()).unwrap();
                ask(&mut self.client, &format!("PUT /leases/{id}"), &field, &data)
            }
            ["put", name, duration, rest] => {
                let (condition, data) = rest.split_once(' ').unwrap();
                let field = if condition == "*" { "" } else { "If-Match: *\r\n" };
                let request = format!("PUT /named/{name}?duration={duration}");
                ask(&mut self.client, &request, field, data.as_bytes())
            }
            ["inspect", _] => ask(&mut self.client, &format!("HEAD /leases/{id}"), "", b""),
            ["inspect", _, first, last] => {
                let field = format!("Range: bytes={first}-{last}\r\n");
                ask(&mut self.client, &format!("GET /leases/{id}"), &field, b"")
            }
            _ => return None,
        };
        if let Some(no) = refused(&response).filter(|_| response.status != 416) {
            return Some(no);
        }
        if response.status == 404 {
            return Some(Answered::No(Code::NotFound));
        }
        if matches!(words[0], "replace" | "put") {
            let words: Vec<&str> = response.text().trim_end().split(' ').collect();
            return Some(Answered::Told(format!("replaced {} {}", words[1], words[2])));
        }
        Some(Answered::Told(self.inspected(&response, &words, id)))
    }

    /// What text says of a lease, put together from the fields of a response.
    fn inspected(&mut self, response: &Response, words: &[&str], id: &str) -> String {
        // Where there is no such part the fields that are told of all of it are asked for.
        let head = ask(&mut self.client, &format!("HEAD /leases/{id}"), "", b"");
        let field = |name: &str| head.field(name).unwrap().trim_matches('"').to_string();
        let (size, length, version) =
            (field("Leasebox-Size"), field("Content-Length"), field("ETag"));
        let length = number(&length);
        let first = words.get(2).map_or(0, |first| number(first).min(length));
        let mut data = Vec::new();
        if response.status == 206 {
            escape(&response.body, &mut data);
        }
        format!("inspected {size} {length} {version} {first} {}", String::from_utf8(data).unwrap())
    }
}

impl Protocol for Http {
    fn ask(&mut self, asked: &Asked) -> Option<Answered> {
        let id = |lease: usize| {
            self.ids.get(lease).map_or_else(|| "2147483647".to_string(), String::clone)
        };
        let ms = LONG.as_millis();
        let (request, body) = match asked {
            Asked::Draw(count) => (format!("POST /draws?n={count}"), &[][..]),
            Asked::Lease(size) => (format!("POST /leases?size={size}&duration={ms}"), &[][..]),
            Asked::Set(lease, data) => (format!("PUT /leases/{}", id(*lease)), &data[..]),
            Asked::Get(lease) => (format!("GET /leases/{}", id(*lease)), &[][..]),
            Asked::Renew(lease) => (format!("POST /leases/{}?duration={ms}", id(*lease)), &[][..]),
            Asked::Ttl(lease) => (format!("HEAD /leases/{}", id(*lease)), &[][..]),
            Asked::Release(lease) => (format!("DELETE /leases/{}", id(*lease)), &[][..]),
            Asked::Tree => ("GET /tree".to_string(), &[][..]),
            Asked::Table => ("GET /table?rows=50".to_string(), &[][..]),
            Asked::Pools => ("GET /pools".to_string(), &[][..]),
            Asked::Say(saying, lease) => {
                let id = id(*lease);
                return self.say(saying, &id);
            }
            _ => return None,
        };
        let response = ask(&mut self.client, &request, "", body);
        if let Asked::Ttl(_) = asked {
            // A response to HEAD has no words, and a granted block no time.
            return Some(match (response.status, response.field("Leasebox-Left-Ms")) {
                (404, _) => Answered::No(Code::NotFound),
                (_, None) => Answered::No(Code::Refused),
                (_, Some(_)) => Answered::Ttl,
            });
        }
        if let Asked::Get(_) = asked
            && response.status == 200
        {
            return Some(Answered::Data(response.body));
        }
        if let Some(no) = refused(&response) {
            return Some(no);
        }
        let words: Vec<&str> = response.text().trim_end().split(' ').collect();
        Some(match asked {
            Asked::Draw(_) => Answered::Numbers(numbers(response.text().trim_end())),
            Asked::Lease(_) | Asked::Renew(_) => {
                if let Asked::Lease(_) = asked {
                    self.ids.push(words[0].to_string());
                }
                Answered::Leased(Some((number(words[1]), number(words[2]))))
            }
            Asked::Set(..) => Answered::Set(Some(number(words[1]))),
            Asked::Release(_) => Answered::Released(number(words[1])),
            Asked::Tree => Answered::Tree(response.text().trim_end().to_string()),
            Asked::Table => {
                let line = format!("table {}", words.join(" "));
                super::text::understood(asked, line.trim_end(), &mut self.ids)
            }
            _ => {
                super::text::understood(asked, &format!("pools {}", words.join(" ")), &mut self.ids)
            }
        })
    }

    fn last_id(&self) -> String {
        self.ids.last().unwrap().clone()
    }

    fn learn(&mut self, id: &str) {
        self.ids.push(id.to_string());
    }
}
