//! The commands that the README and the manual tell to type do what they say.
//!
//! A code block whose fence reads `sh run` is run, line by line, in a folder where quickstart
//! serves `postroom-data`; ports there are those of the test.

use std::fs;
use std::path::Path;

use postroom_e2e::program::Program;
use postroom_e2e::server::{Role, Server, binary};
use postroom_e2e::skip::{find, skipped};

/// What quickstart adds to the usual ports unless told otherwise.
const OFFSET: u16 = 10_000;

#[test]
fn commands_of_the_readme_work() {
    commands_work("README.md");
}

#[test]
fn commands_for_tracing_work() {
    commands_work("docs/trace.md");
}

fn commands_work(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(name);
    let text = fs::read_to_string(path).expect(name);
    let blocks = blocks(&text);
    assert!(!blocks.is_empty(), "no block of {name} is marked `sh run`");
    let server = Server::start();
    for block in blocks {
        let mut script = block.replace("postroom-data", &server.data().display().to_string());
        for role in [
            Role::Smtp,
            Role::Submission,
            Role::Submissions,
            Role::Imap,
            Role::Imaps,
        ] {
            let shown = (OFFSET + role as u16).to_string();
            script = script.replace(&shown, &server.port(role));
        }
        let mut programs = script
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .filter(|program| *program != "postroom");
        if let Some(absent) = programs.find(|program| !is_installed(program)) {
            skipped(&format!("{absent} is not installed"));
            continue;
        }
        let folder = binary().parent().expect("a folder").display().to_string();
        let search = std::env::var("PATH").unwrap_or_default();
        Program::new("sh")
            .env("PATH", format!("{folder}:{search}"))
            .env("HOME", server.scratch().path())
            .folder(server.scratch().path())
            .args(["-euc", &script])
            .succeed();
    }
}

/// A program of the block, or a word of the shell.
fn is_installed(program: &str) -> bool {
    find(program).is_some() || ["cd", "export", "echo", "#"].contains(&program)
}

/// The text of each block marked so.
fn blocks(readme: &str) -> Vec<String> {
    let marked = readme.split("```sh run\n").skip(1);
    marked
        .filter_map(|rest| Some(rest.split_once("```")?.0.to_owned()))
        .collect()
}
