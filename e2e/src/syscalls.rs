//! The system calls of the server, as strace shows them, in the order in which they began and ended.

mod attach;

use std::collections::HashMap;

pub use attach::Strace;

/// One system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// Its arguments as strace prints them.
    pub arguments: String,
    /// What it returned; empty while it has not.
    pub result: String,
    /// Place of its begin in the order of all begins and ends.
    pub begun: usize,
    /// Place of its end; `usize::MAX` while it has not ended.
    pub ended: usize,
}

impl Call {
    /// The descriptor it acts on, its first argument.
    pub fn descriptor(&self) -> Option<u32> {
        let end = self.arguments.find(|c: char| !c.is_ascii_digit())?;
        self.arguments.get(..end)?.parse().ok()
    }

    /// The path of that descriptor, which `strace -y` prints: `7</path>`.
    pub fn path(&self) -> Option<&str> {
        let (_, rest) = self.arguments.split_once('<')?;
        Some(rest.split_once('>')?.0)
    }

    /// Whether it makes a file durable, and did.
    pub fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync") && self.result == "0"
    }

    /// Whether it writes to a file or a socket.
    pub fn is_write(&self) -> bool {
        matches!(
            self.name.as_str(),
            "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2" | "sendto" | "sendmsg"
        )
    }
}

/// Reads what `strace -f -o FILE` wrote, calls in the order of their begins.
pub fn parse(trace: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    // By thread: the call that is not finished.
    let mut open: HashMap<&str, usize> = HashMap::new();
    for (place, line) in trace.lines().enumerate() {
        let Some((thread, text)) = line.split_once(char::is_whitespace) else {
            continue;
        };
        let text = text.trim_start();
        if let Some(rest) = text.strip_prefix("<... ") {
            let resumed = rest.split_once(" resumed>").map_or("", |(_, rest)| rest);
            if let Some(call) = open.remove(thread).and_then(|index| calls.get_mut(index)) {
                let (arguments, result) = split_result(resumed);
                call.arguments.push_str(arguments);
                result.clone_into(&mut call.result);
                call.ended = place;
            }
            continue;
        }
        let Some((name, rest)) = text.split_once('(') else {
            continue;
        };
        let unfinished = rest.strip_suffix("<unfinished ...>");
        let (arguments, result) = match unfinished {
            Some(arguments) => (arguments.trim_end(), ""),
            None => split_result(rest),
        };
        if unfinished.is_some() {
            open.insert(thread, calls.len());
        }
        calls.push(Call {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            result: result.to_owned(),
            begun: place,
            ended: if unfinished.is_some() {
                usize::MAX
            } else {
                place
            },
        });
    }
    calls
}

/// Parts `arguments) = result`; the result without its explanation.
fn split_result(text: &str) -> (&str, &str) {
    let Some((arguments, result)) = text.rsplit_once(" = ") else {
        return (text, "");
    };
    let result = result.split([' ', '<']).next().unwrap_or("");
    (
        arguments.trim_end().strip_suffix(')').unwrap_or(arguments),
        result,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_and_ends_keep_their_order() {
        let trace = "\
10 write(7</d/1.log>, \"a = b\", 5) = 5
10 fdatasync(7</d/1.log> <unfinished ...>
11 accept4(4, {sa_port=htons(4711)}, [128]) = 12<socket:[9]>
11 sendto(12<socket:[9]>, \"250 ok\\r\\n\", 8, 0, NULL, 0) = 8
10 <... fdatasync resumed>)              = 0
10 fdatasync(7</d/1.log>) = -1 EIO (Input/output error) (INJECTED)
10 +++ exited with 0 +++
";
        let calls = parse(trace);
        assert_eq!(calls.len(), 5);
        assert_eq!(
            (calls[0].path(), calls[0].result.as_str()),
            (Some("/d/1.log"), "5")
        );
        assert_eq!((calls[1].begun, calls[1].ended), (1, 4));
        assert!(calls[1].is_sync() && !calls[4].is_sync());
        assert_eq!(calls[2].result, "12");
        assert_eq!((calls[3].descriptor(), calls[3].begun), (Some(12), 3));
        assert!(calls[3].is_write());
    }
}
