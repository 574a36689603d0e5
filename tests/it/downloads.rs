//! Files on a disk that hangs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

use crate::program::Installation;

/// The number of concurrent downloads.
const DOWNLOADS: u8 = 240;

fn stored(root: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { stored(&path) } else { vec![path] }).collect()
}

/// Opens a connection from an address of this network of the loopback interface.
async fn connect(server: std::net::SocketAddr, network: u8, host: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, network, 0, host + 1], 0).into()).unwrap();
    socket.connect(server).await.unwrap()
}

#[tokio::test]
async fn downloads_that_hang_hold_up_neither_the_probe_nor_pages_nor_the_end() {
    let installation = Installation::new();
    let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/it/real/16-files-beside-the-export");
    installation.import(&[&input], &[]);
    let server = installation.serve(&[]);
    let page = server.get("/api/v1/tenants/lantern-works/channels/general/messages").json();
    let path = page["items"][0]["attachments"][0]["url"].as_str().unwrap().to_owned();
    // Opening a pipe blocks until a writer appears, like a disk that does not respond.
    for file in stored(&installation.path("data/media")) {
        fs::remove_file(&file).unwrap();
        assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    }
    let mut downloads = Vec::new();
    for network in 1..=5 {
        for host in 0..DOWNLOADS {
            let mut stream = connect(server.address(), network, host).await;
            let request = format!("GET {path} HTTP/1.1\r\nHost: verta.test\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            downloads.push(stream);
        }
    }
    assert_eq!(server.get("/readyz").status, 200);
    assert_eq!(server.get("/lantern-works/general").status, 200);
    let asked = Command::new("kill").arg("-TERM").arg(server.pid().to_string()).status().unwrap();
    assert!(asked.success());
    assert_eq!(server.wait(), 0);
    drop(downloads);
}
