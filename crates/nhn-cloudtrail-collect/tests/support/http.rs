//! A server whose responses a test defines, and that records the requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// A request as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The path and the query, escaped.
    pub(crate) target: String,
    head: String,
}

impl Request {
    /// Returns the value of a header, or `None`.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Returns the request line and all headers.
    pub(crate) fn head(&self) -> &str {
        &self.head
    }
}

/// A server that runs until the process ends.
pub(crate) struct Fake {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<AtomicUsize>,
}

impl Fake {
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Returns a response; `status` may be followed by headers on separate lines.
pub(crate) fn response(status: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Starts a server that responds to each request with the bytes of `answer`, and closes the connection.
pub(crate) fn serve(answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static) -> Fake {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let asked = requests.clone();
    let connections = listen(move |mut stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            match reader.read_line(&mut head) {
                Ok(0) => return,
                Ok(_) => (),
                Err(_) => {
                    let _ = stream.write_all(&response("400 Bad Request", ""));
                    return;
                }
            }
        }
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let request = Request { target, head };
        let length = request.header("content-length").map_or(0, |it| it.parse().unwrap());
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink()).unwrap();
        asked.lock().unwrap().push(request.clone());
        let _ = stream.write_all(&answer(&request));
    });
    Fake {
        url: format!("http://127.0.0.1:{}", connections.0),
        requests,
        connections: connections.1,
    }
}

/// Starts an HTTPS server with an untrusted certificate.
pub(crate) fn serve_untrusted() -> Fake {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("untrusted.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("untrusted.key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let (port, connections) = listen(move |mut stream| {
        let mut tls = rustls::ServerConnection::new(config.clone()).unwrap();
        let mut tls = rustls::Stream::new(&mut tls, &mut stream);
        let _ = tls.read(&mut [0; 1024]);
        let _ = tls.write_all(&response("200 OK", "{}"));
    });
    Fake { url: format!("https://127.0.0.1:{port}"), requests: Arc::default(), connections }
}

fn listen(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (answer, connections) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
    let count = connections.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (answer, count) = (answer.clone(), count.clone());
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            std::thread::spawn(move || answer(stream));
        }
    });
    (port, connections)
}
