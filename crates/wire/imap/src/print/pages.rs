//! Responses one after the other, with a halt wherever output is full or a body is to be sent.

use std::vec;

use postroom_wire::output::Output;

use super::Context;
use super::fetch::{Fetch, Item};
use super::mailbox::{
    put_esearch, put_flag_list, put_listed, put_mailbox_status, put_namespaces, put_quota,
    put_quota_roots, put_vanished,
};
use super::number::{Numbers, Order, Threads};
use super::status::untagged;
use super::text::put_number;
use crate::question::Source;
use crate::response::Response;

/// Where printing halted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Printed {
    /// All is printed.
    All,
    /// Output is at its mark.
    Full,
    /// These octets come next, then the rest.
    Send(Source),
}

/// Responses still to print, the first of them perhaps half done.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    responses: vec::IntoIter<Response>,
    open: Option<Open>,
}

/// A response that is printed in several pieces.
#[derive(Debug)]
enum Open {
    Fetch(Fetch),
    Numbers(Numbers),
    Order(Order),
    Threads(Threads),
}

impl Pages {
    /// Adds a page; the one before is printed.
    pub(crate) fn load(&mut self, responses: Vec<Response>) {
        self.responses = responses.into_iter();
    }

    /// Prints until the end or a halt.
    pub(crate) fn print(&mut self, out: &mut Output, context: Context<'_>) -> Printed {
        loop {
            if out.is_full() {
                return Printed::Full;
            }
            match &mut self.open {
                Some(Open::Fetch(fetch)) => match fetch.print(out) {
                    Item::Printed => {}
                    Item::Send(source) => return Printed::Send(source),
                    Item::End => self.open = None,
                },
                Some(Open::Numbers(numbers)) => {
                    if numbers.print(out) {
                        self.open = None;
                    }
                }
                Some(Open::Order(order)) => {
                    if order.print(out) {
                        self.open = None;
                    }
                }
                Some(Open::Threads(threads)) => {
                    if threads.print(out) {
                        self.open = None;
                    }
                }
                None => match self.responses.next() {
                    Some(response) => self.open = begin(out, response, context),
                    None => return Printed::All,
                },
            }
        }
    }
}

/// Prints a response, or the beginning of one that comes in pieces.
fn begin(out: &mut Output, response: Response, context: Context<'_>) -> Option<Open> {
    if let Response::Status(completion) = response {
        untagged(out, &completion, context);
        return None;
    }
    out.put(b"* ");
    match response {
        Response::Fetch(fetched) => return Some(Open::Fetch(Fetch::begin(out, fetched))),
        Response::Search(searched) => {
            out.put(b"SEARCH");
            return Some(Open::Numbers(Numbers::single(searched)));
        }
        Response::Sort(sorted) => {
            out.put(b"SORT");
            return Some(Open::Order(Order::new(sorted)));
        }
        Response::Thread(steps) => {
            out.put(b"THREAD");
            return Some(Open::Threads(Threads::new(steps)));
        }
        Response::Esearch(mut esearch) => {
            put_esearch(out, &esearch, context);
            if let Some(all) = esearch.all.take().filter(|all| !all.is_empty()) {
                out.put(b" ALL");
                return Some(Open::Numbers(Numbers::ranges(all)));
            }
        }
        Response::Exists(count) => put_count(out, count, b" EXISTS"),
        Response::Expunge(sequence) => put_count(out, sequence, b" EXPUNGE"),
        Response::Recent(count) => put_count(out, count, b" RECENT"),
        Response::Flags(flags) => {
            out.put(b"FLAGS ");
            put_flag_list(out, &flags);
        }
        Response::List(listed) => put_listed(out, b"LIST", &listed, context.names),
        Response::Lsub(listed) => put_listed(out, b"LSUB", &listed, context.names),
        Response::MailboxStatus(status) => put_mailbox_status(out, &status, context.names),
        Response::Namespace(namespaces) => put_namespaces(out, &namespaces, context.names),
        Response::Quota(quota) => put_quota(out, &quota),
        Response::QuotaRoots(roots) => put_quota_roots(out, &roots, context.names),
        Response::Vanished(vanished) => put_vanished(out, &vanished),
        Response::Status(_) => {}
    }
    out.put(b"\r\n");
    None
}

fn put_count(out: &mut Output, count: u32, word: &[u8]) {
    put_number(out, count.into());
    out.put(word);
}
