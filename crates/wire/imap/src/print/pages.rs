//! Responses one after the other, with a halt wherever output is full or a body is to be sent.

use std::vec;

use postroom_wire::output::Output;

use super::Context;
use super::fetch::{Fetch, Item};
use super::mailbox::{
    put_esearch, put_flag_list, put_listed, put_mailbox_status, put_namespaces, put_vanished,
};
use super::status::untagged;
use super::text::put_number;
use crate::question::Source;
use crate::response::Response;
use crate::response::mailbox::Searched;

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
    Search(Numbers),
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
                Some(Open::Search(numbers)) => {
                    if numbers.print(out) {
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
            return Some(Open::Search(Numbers::new(searched)));
        }
        Response::Esearch(esearch) => put_esearch(out, &esearch, context),
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

/// The numbers of SEARCH.
#[derive(Debug)]
struct Numbers {
    searched: Searched,
    /// Which range is next, or under way.
    range: usize,
    /// Numbers of that range that are printed.
    printed: u32,
}

impl Numbers {
    fn new(searched: Searched) -> Self {
        Self {
            searched,
            range: 0,
            printed: 0,
        }
    }

    /// Prints numbers until output is full; returns whether that was all.
    fn print(&mut self, out: &mut Output) -> bool {
        while let Some(range) = self.searched.numbers.ranges().get(self.range) {
            let start = range.start().saturating_add(self.printed);
            for number in start..=*range.end() {
                if out.is_full() {
                    self.printed = number.saturating_sub(*range.start());
                    return false;
                }
                out.put(b" ");
                put_number(out, number.into());
            }
            self.range = self.range.saturating_add(1);
            self.printed = 0;
        }
        let mod_seq = self.searched.mod_seq;
        if let Some(mod_seq) = mod_seq.filter(|_| !self.searched.numbers.is_empty()) {
            out.put(b" (MODSEQ ");
            put_number(out, mod_seq.0);
            out.put(b")");
        }
        out.put(b"\r\n");
        true
    }
}
