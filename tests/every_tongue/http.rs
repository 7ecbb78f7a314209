//! HTTP: numbers and memory; what a process asks is said beside it.

use super::support::{Client, Running, numbers};
use super::{Answered, Asked, LONG, Tongue};
use crate::support::http::{Response, ask};
use leasebox::message::Code;

struct Http {
    client: Client,
    ids: Vec<String>,
}

pub fn start(server: &Running) -> Box<dyn Tongue> {
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

impl Tongue for Http {
    fn ask(&mut self, asked: &Asked) -> Option<Answered> {
        let id = |lease: usize| self.ids.get(lease).map_or("2147483647", String::as_str);
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
                super::understood(asked, line.trim_end(), &mut self.ids)
            }
            _ => super::understood(asked, &format!("pools {}", words.join(" ")), &mut self.ids),
        })
    }

    fn last_id(&self) -> String {
        self.ids.last().unwrap().clone()
    }

    fn learn(&mut self, id: &str) {
        self.ids.push(id.to_string());
    }
}
