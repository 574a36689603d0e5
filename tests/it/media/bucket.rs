//! A store of buckets on this machine, whose requests can fail.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use adapter_s3::{BucketKeys, S3Media};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use walkdir::WalkDir;

/// The id of the access key.
pub(crate) const KEY_ID: &str = "the-id-of-a-key";
/// Its secret.
pub(crate) const SECRET: &str = "the-secret-of-a-key";
/// The name of the bucket.
const NAME: &str = "needles";

/// What happens to a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// It is answered with this status and code.
    Code(u16, &'static str),
    /// The connection ends without a response.
    HangUp,
    /// There is no response.
    Silence,
    /// The connection ends after so many bytes of the response.
    Cut(usize),
    /// The response stops after so many bytes.
    Stall(usize),
}

/// The next requests that a fault happens to.
struct Rule {
    method: Method,
    /// A part of their path and query.
    part: String,
    fault: Fault,
    left: usize,
}

/// A bucket, which is removed with the value.
pub(crate) struct Bucket {
    folder: TempDir,
    address: SocketAddr,
    state: Arc<State>,
    /// A runtime of its own: cases stop the time in theirs.
    runtime: Option<Runtime>,
}

struct State {
    service: S3Service,
    rules: Mutex<Vec<Rule>>,
    requests: Mutex<Vec<String>>,
    /// Held by a request to store an object unless there is one.
    conditional: tokio::sync::Mutex<()>,
}

impl Bucket {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(NAME)).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let service = service.build();
        let state = State {
            service,
            rules: Mutex::default(),
            requests: Mutex::default(),
            conditional: tokio::sync::Mutex::default(),
        };
        let state = Arc::new(state);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, Arc::clone(&state)));
        Self { folder, address, state, runtime: Some(runtime) }
    }

    /// Returns the value for `MEDIA_URL`. The server makes names of files of the names of objects, so the prefix is
    /// short.
    pub(crate) fn url(&self) -> String {
        format!("s3://{NAME}/a/media?endpoint=http://{}", self.address)
    }

    /// Returns a store with this secret.
    pub(crate) fn media_with(&self, secret: &str) -> S3Media {
        let (access_key_id, secret_access_key) = (KEY_ID.to_owned(), secret.to_owned());
        S3Media::new(
            &self.url().parse().unwrap(),
            &BucketKeys { access_key_id, secret_access_key, session_token: None },
        )
    }

    pub(crate) fn media(&self) -> S3Media {
        self.media_with(SECRET)
    }

    /// Makes the next `times` requests fail that have this method and part of a path or query.
    pub(crate) fn fail(&self, times: usize, method: Method, part: &str, fault: Fault) {
        let rule = Rule { method, part: part.to_owned(), fault, left: times };
        self.state.rules.lock().unwrap().push(rule);
    }

    /// Returns the requests so far: the method, the path with its query, and the range.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Returns the folder of the bucket, in which a file is an object.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join(NAME)
    }

    /// Returns the names of all objects.
    pub(crate) fn objects(&self) -> Vec<String> {
        names(&self.root())
    }

    /// Returns the number of parts of uploads that have not ended.
    pub(crate) fn parts(&self) -> usize {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".part")).count()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        // Dropping it would wait, which an asynchronous case may not.
        self.runtime.take().unwrap().shutdown_background();
    }
}

/// Returns the paths of the files below a folder, relative to it.
pub(crate) fn names(root: &Path) -> Vec<String> {
    let entries = WalkDir::new(root).sort_by_file_name().into_iter().filter_map(Result::ok);
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(|file| file.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned()).collect()
}

async fn serve(listener: std::net::TcpListener, state: Arc<State>) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let state = Arc::clone(&state);
        let service = service_fn(move |request| {
            let state = Arc::clone(&state);
            async move { state.answer(request).await }
        });
        // It ends with an error where a fault ends it.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

impl State {
    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<s3s::Body>, Box<dyn std::error::Error + Send + Sync>> {
        let path = request.uri().path_and_query().unwrap().to_string();
        let range = request.headers().get(header::RANGE).map_or("", |range| range.to_str().unwrap());
        self.requests.lock().unwrap().push(format!("{} {path} {range}", request.method()).trim().to_owned());
        let fault = self.fault(request.method(), &path);
        match fault {
            Some(Fault::Code(status, code)) => {
                // A client that still sends would see the end of the connection instead.
                BodyExt::collect(request.into_body()).await.map_err(|_| "the body failed")?;
                let body = format!(
                    "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>A message</Message>\
                     <AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId></Error>"
                );
                let response = Response::builder().status(StatusCode::from_u16(status)?);
                return Ok(response.body(s3s::Body::from(body))?);
            }
            Some(Fault::HangUp) => return Err("hanging up".into()),
            Some(Fault::Silence) => std::future::pending::<()>().await,
            _ => {}
        }
        // A store looks for an object and stores it in one step; the service does so in two.
        let is_conditional = request.headers().contains_key(header::IF_NONE_MATCH);
        let _alone = if is_conditional { Some(self.conditional.lock().await) } else { None };
        let response = self.service.call(request.map(s3s::Body::from)).await.map_err(|_| "the service failed")?;
        let (after, stalls) = match fault {
            Some(Fault::Cut(after)) => (after, false),
            Some(Fault::Stall(after)) => (after, true),
            _ => return Ok(response),
        };
        let (head, body) = response.into_parts();
        let bytes = BodyExt::collect(body).await.map_err(|_| "the body failed")?.to_bytes();
        let first = stream::iter([Ok(Frame::data(bytes.slice(..after)))]);
        let rest: stream::BoxStream<'_, Result<Frame<Bytes>, std::io::Error>> = if stalls {
            stream::pending().boxed()
        } else {
            stream::iter([Err(std::io::Error::other("the connection is cut"))]).boxed()
        };
        Ok(Response::from_parts(head, s3s::Body::http_body_unsync(StreamBody::new(first.chain(rest)))))
    }

    fn fault(&self, method: &Method, path: &str) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap();
        let rule =
            rules.iter_mut().find(|rule| rule.left > 0 && rule.method == *method && path.contains(&rule.part))?;
        rule.left -= 1;
        Some(rule.fault)
    }
}
