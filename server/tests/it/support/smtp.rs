//! A mail server on loopback, without the extension SMTPUTF8.

use std::sync::{Arc, Mutex};

use backend::email::transport::Transport;
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A mail server that keeps the received lines.
pub struct SmtpServer {
    /// Its URL, as in SMTP_URL.
    pub url: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl SmtpServer {
    /// Starts a mail server that answers every recipient with `answer`.
    pub async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let received = Arc::<Mutex<Vec<String>>>::default();
        let lines = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, answer, Arc::clone(&lines)));
            }
        });
        Self { url, received }
    }

    /// Returns a transport that sends to this server.
    pub fn transport(&self) -> Transport {
        Transport::Smtp(AsyncSmtpTransport::<Tokio1Executor>::from_url(&self.url).expect("a URL").build())
    }

    /// Returns the received lines that begin with `prefix`: commands and lines of emails.
    pub fn lines(&self, prefix: &str) -> Vec<String> {
        let received = self.received.lock().expect("no panic");
        received.iter().filter(|line| line.starts_with(prefix)).cloned().collect()
    }
}

/// Starts a mail server that answers every recipient with `answer`. Returns a transport that sends to it.
pub async fn smtp_server(answer: &'static str) -> Transport {
    SmtpServer::start(answer).await.transport()
}

async fn serve(socket: TcpStream, answer: &str, received: Arc<Mutex<Vec<String>>>) {
    let (read, mut write) = socket.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut data = false;
    let _ = write.write_all(b"220 mail.test\r\n").await;
    while let Ok(Some(line)) = lines.next_line().await {
        received.lock().expect("no panic").push(line.clone());
        let response = match line.as_str() {
            "." if data => {
                data = false;
                "250 taken"
            }
            _ if data => continue,
            "DATA" => {
                data = true;
                "354 go on"
            }
            line if line.starts_with("RCPT") => answer,
            line if line.starts_with("QUIT") => "221 bye",
            _ => "250 mail.test",
        };
        if write.write_all(format!("{response}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}
