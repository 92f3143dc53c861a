//! The control socket: a line of JSON in, a line of JSON out.
//!
//! `DATA_DIR/run/control.sock`, mode 600. Its folder may be passed through, for the sake of the
//! socket of `sendmail` beside it. Only root and the server's own user are answered.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postroom_runtime::group::TaskGroup;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use crate::answer::{Answer, Failure};
use crate::handler::Admin;
use crate::request::Request;

/// Octets of one request; an import of a hundred thousand accounts fits.
pub const REQUEST_OCTETS_MAX: u64 = 64 * 1024 * 1024;

/// Callers served at once; the next waits to be accepted.
pub const CALLERS_MAX: usize = 16;

/// How long a caller may take for its request.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// How long after a failed accept the next is tried.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where the socket of a data directory is.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("run/control.sock")
}

/// Makes the folder of sockets, which may be passed through.
///
/// # Errors
/// When it cannot be made.
pub fn make_folder(data_dir: &Path) -> io::Result<()> {
    let folder = data_dir.join("run");
    fs::create_dir_all(&folder)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o711))
}

/// Opens the socket; a stale one is replaced, so the lock of the data directory must be held.
///
/// # Errors
/// When the directory or the socket cannot be made.
pub fn listen(data_dir: &Path) -> io::Result<UnixListener> {
    make_folder(data_dir)?;
    let path = path(data_dir);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers callers until the group is asked to end.
pub async fn serve(listener: UnixListener, admin: Admin, group: TaskGroup, own_uid: u32) {
    let room = std::sync::Arc::new(tokio::sync::Semaphore::new(CALLERS_MAX));
    loop {
        let Ok(seat) = room.clone().acquire_owned().await else {
            return;
        };
        let stream = tokio::select! {
            () = group.token().cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "the control socket does not accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let admin = admin.clone();
        group.spawn(async move {
            if let Err(error) = attend(stream, &admin, own_uid).await {
                tracing::debug!(%error, "a caller of the control socket left");
            }
            drop(seat);
        });
    }
}

/// Answers the requests of one caller until it closes.
async fn attend(stream: UnixStream, admin: &Admin, own_uid: u32) -> io::Result<()> {
    let caller = stream.peer_cred()?.uid();
    let (read, mut write) = stream.into_split();
    if caller != 0 && caller != own_uid {
        tracing::warn!(uid = caller, "a stranger called the control socket");
        let failure = Failure::new("only root and the server's own user may ask", "use sudo");
        return put(&mut write, &Answer::Failed(failure)).await;
    }
    let admin = admin.asked_by(caller);
    let mut lines = BufReader::new(read).take(REQUEST_OCTETS_MAX);
    let mut line = Vec::new();
    loop {
        line.clear();
        lines.set_limit(REQUEST_OCTETS_MAX);
        match timeout(REQUEST_TIME_MAX, lines.read_until(b'\n', &mut line)).await {
            Err(_) | Ok(Ok(0)) => return Ok(()),
            Ok(read) => drop(read?),
        }
        let answer = match serde_json::from_slice::<Request>(&line) {
            Ok(request) => admin.answer(request).await,
            Err(error) => {
                // What the caller wrote may hold a password: it is not repeated.
                let what = format!("the request is not understood ({:?})", error.classify());
                put(&mut write, &Answer::Failed(Failure { what, mend: None })).await?;
                return Ok(());
            }
        };
        put(&mut write, &answer).await?;
    }
}

async fn put(write: &mut (impl AsyncWriteExt + Unpin), answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    write.write_all(&line).await
}

/// Whether a server takes callers on a data directory.
pub async fn is_served(data_dir: &Path) -> bool {
    UnixStream::connect(path(data_dir)).await.is_ok()
}

/// Asks the server that runs on a data directory; `None` when none does.
///
/// # Errors
/// When a server accepts and then does not answer.
pub async fn ask(data_dir: &Path, request: &Request) -> io::Result<Option<Answer>> {
    let mut stream = match UnixStream::connect(path(data_dir)).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    stream.shutdown().await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    if answer.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server closed without an answer",
        ));
    }
    Ok(Some(serde_json::from_slice(&answer)?))
}
