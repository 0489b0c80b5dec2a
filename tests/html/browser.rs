//! A real browser without a window, driven by its DevTools protocol over a pipe.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<Value>,
    next: u64,
    session: Option<String>,
    /// What it told without being asked.
    events: Vec<Value>,
    profile: PathBuf,
}

impl Browser {
    /// Starts it. Without one there is no test, so its absence fails.
    pub(crate) fn start() -> Self {
        let profile = std::env::temp_dir().join(format!("pmtu-browser-{}-{:?}", std::process::id(), Instant::now()));
        let profile = PathBuf::from(profile.to_string_lossy().replace(['{', '}', ' ', ':', ','], ""));
        // The protocol speaks on descriptors 3 and 4.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1"]);
        command.arg(executable()).args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
        ]);
        // No name resolves, and a page that asks for one is caught.
        command.args([
            "--remote-debugging-pipe",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--disable-background-networking",
        ]);
        command.arg(format!("--user-data-dir={}", profile.display()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let requests = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                if sender.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    return;
                }
                message.clear();
            }
        });
        let mut browser = Self { child, requests, answers, next: 0, session: None, events: Vec::new(), profile };
        browser.open_page();
        browser
    }

    /// What it calls itself.
    pub(crate) fn version(&mut self) -> String {
        self.call("Browser.getVersion", json!({}))["product"].as_str().unwrap().to_owned()
    }

    fn open_page(&mut self) {
        let target = self.call("Target.createTarget", json!({"url": "about:blank"}));
        let attached = self.call("Target.attachToTarget", json!({"targetId": target["targetId"], "flatten": true}));
        self.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network", "Audits"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
    }

    /// Shows a file, as wide as that, in that colour scheme.
    pub(crate) fn show(&mut self, file: &Path, width: u32, scheme: &str) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", features);
        self.call("Page.navigate", json!({"url": format!("file://{}", file.display())}));
        self.wait_for("Page.loadEventFired");
    }

    /// The value of an expression on the page; promises are awaited.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true});
        let answer = self.call("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{}: {answer}", &expression[..expression.len().min(200)]);
        answer["result"]["value"].clone()
    }

    /// A PNG of the page, or of its beginning if it is long.
    pub(crate) fn screenshot(&mut self) -> String {
        const LONGEST: u64 = 3000;
        let size = self.evaluate("[document.documentElement.clientWidth, document.scrollingElement.scrollHeight]");
        let height = size[1].as_u64().unwrap().min(LONGEST);
        let clip = json!({"x": 0, "y": 0, "width": size[0], "height": height, "scale": 1});
        let asked = json!({"captureBeyondViewport": true, "clip": clip, "optimizeForSpeed": true});
        self.call("Page.captureScreenshot", asked)["data"].as_str().unwrap().to_owned()
    }

    /// What it prints, as the page asks for it.
    pub(crate) fn print(&mut self) -> String {
        let answer = self.call("Page.printToPDF", json!({"preferCSSPageSize": true, "printBackground": false}));
        answer["data"].as_str().unwrap().to_owned()
    }

    /// Lets pages use the clipboard, or not.
    pub(crate) fn set_clipboard(&mut self, setting: &str) {
        for name in ["clipboard-write", "clipboard-read"] {
            self.call("Browser.setPermission", json!({"permission": {"name": name}, "setting": setting}));
        }
    }

    /// Clicks in the middle of the first element that a selector finds, as a mouse does.
    pub(crate) fn click(&mut self, selector: &str) {
        let place = self.evaluate(&format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{block: 'center'}}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
            json!(selector)
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Everything told since the last call.
    pub(crate) fn take_events(&mut self) -> Vec<Value> {
        self.evaluate("new Promise(done => setTimeout(done, 20))");
        std::mem::take(&mut self.events)
    }

    fn wait_for(&mut self, event: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.events.iter().any(|told| told["method"] == event) {
            let message = self.receive(end, event);
            self.events.push(message);
        }
        self.events.retain(|told| told["method"] != event);
    }

    #[allow(clippy::needless_pass_by_value)] // callers make it for this call
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut request = json!({"id": self.next, "method": method, "params": params});
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&request).unwrap();
        bytes.push(0);
        self.requests.write_all(&bytes).unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            let message = self.receive(end, method);
            if message["id"] == self.next {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn receive(&self, end: Instant, what: &str) -> Value {
        match self.answers.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => panic!("no answer to {what}"),
            Err(RecvTimeoutError::Disconnected) => panic!("the browser ended at {what}"),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// Debian's, or another that is named.
fn executable() -> PathBuf {
    if let Some(named) = std::env::var_os("PMTU_BROWSER") {
        return named.into();
    }
    let names = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];
    let found = names.iter().map(PathBuf::from).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("none of {names:?} is here: netns-scripts/browser.sh installs it"))
}
