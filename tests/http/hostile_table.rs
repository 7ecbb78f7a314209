//! The hostile requests: what is hostile about each, the request, the status that it must get, and
//! whether the connection goes on.
//!
//! Each is well but for what is hostile about it: where two lengths contradict, the body is one by
//! both.
//!
//! Some begin with a good request, so that the connection speaks HTTP: as its first bytes they
//! would be text, which `a_first_line_that_is_nearly_http_runs_no_body` is about.

/// What is hostile about it, the request, its status, whether the connection goes on.
pub type Case = (&'static str, &'static str, u16, bool);

pub const CASES: &[Case] = &[
    // Two readers that disagree on a message's end: smuggling.
    (
        "two lengths",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
        400,
        false,
    ),
    (
        "two lengths that differ",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\ncontent-length: 3\r\n\r\nhi",
        400,
        false,
    ),
    (
        "two lengths in one field",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2, 2\r\n\r\nhi",
        400,
        false,
    ),
    (
        "a length and chunks",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "chunks and a length",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 12\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "chunks in HTTP/1.0",
        "PUT /leases/7 HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "chunked twice",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "another coding",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        501,
        false,
    ),
    (
        "a coding that looks like chunked",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n",
        501,
        false,
    ),
    (
        "chunked, hidden by a tab",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\t\"chunked\"\r\n\r\n",
        501,
        false,
    ),
    (
        "a negative length",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        400,
        false,
    ),
    (
        "a length with a sign",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: +2\r\n\r\nhi",
        400,
        false,
    ),
    (
        "a length in hexadecimal",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0x2\r\n\r\nhi",
        400,
        false,
    ),
    (
        "an empty length",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length:\r\n\r\n",
        400,
        false,
    ),
    (
        "a length beyond 64 bits",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18446744073709551616\r\n\r\n",
        400,
        false,
    ),
    (
        "two lengths over the limit",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\nContent-Length: 99999999999\r\n\r\n",
        400,
        false,
    ),
    (
        "a length over the limit beside a coding",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
        false,
    ),
    (
        "a length over the limit",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n",
        413,
        false,
    ),
    ("lines that end with LF alone", "POST /draws?n=1 HTTP/1.1\nHost: localhost\n\n", 400, false),
    (
        "one line that ends with LF alone",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n",
        400,
        false,
    ),
    (
        "a CR within a line",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n",
        400,
        false,
    ),
    ("a CR too many", "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\r\n\r\n", 400, false),
    (
        "a folded line",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nX: y\r\n Content-Length: 5\r\n\r\n",
        400,
        false,
    ),
    (
        "a line folded before the first field",
        "POST /draws?n=1 HTTP/1.1\r\n Host: localhost\r\n\r\n",
        400,
        false,
    ),
    (
        "a space before the colon",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length : 5\r\n\r\n",
        400,
        false,
    ),
    (
        "a field without a colon",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nnonsense\r\n\r\n",
        400,
        false,
    ),
    (
        "a field without a name",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n",
        400,
        false,
    ),
    (
        "a NUL in a value",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
        400,
        false,
    ),
    (
        "a NUL in a name",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nX\0: b\r\n\r\n",
        400,
        false,
    ),
    // Chunks.
    (
        "a chunk size that is none",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "a negative chunk size",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "a chunk size of 0x",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "a huge chunk size",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
        413,
        false,
    ),
    (
        "a chunk size of more than 64 bits",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000002\r\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "a chunk longer than it says",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "a chunk line that ends with LF alone",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "a trailer that is no field",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nnonsense\r\n\r\n",
        400,
        false,
    ),
    // The first line.
    (
        "another version",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/2.0\r\nHost: localhost\r\n\r\n",
        505,
        false,
    ),
    ("no version", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /\r\n\r\n", 400, false),
    (
        "a version in small letters",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / http/1.1\r\nHost: localhost\r\n\r\n",
        400,
        false,
    ),
    (
        "two spaces",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET  / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        400,
        false,
    ),
    (
        "a space in the target",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        400,
        false,
    ),
    ("a target that is not ASCII", "GET /\u{e9} HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, false),
    (
        "two empty lines before",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        400,
        false,
    ),
    (
        "a method in small letters",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nget / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        501,
        true,
    ),
    ("an unknown method", "PATCH /leases/7 HTTP/1.1\r\nHost: localhost\r\n\r\n", 501, true),
    (
        "a method of a proxy",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nCONNECT evil.example:25 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        501,
        true,
    ),
    // Who asks, and whom.
    ("no host", "POST /draws?n=1 HTTP/1.1\r\n\r\n", 400, false),
    (
        "two hosts",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        400,
        false,
    ),
    ("a foreign host", "POST /draws?n=1 HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, true),
    (
        "a foreign host that begins like ours",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n",
        403,
        true,
    ),
    (
        "a foreign host in the target",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nPOST http://evil.example/draws?n=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        403,
        true,
    ),
    (
        "a page of another site",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n",
        403,
        true,
    ),
    (
        "a page of another port",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:81\r\n\r\n",
        403,
        true,
    ),
    (
        "a page of nowhere",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n",
        403,
        true,
    ),
    ("a host that is none", "POST /draws?n=1 HTTP/1.1\r\nHost: local host\r\n\r\n", 400, false),
    ("a port that is none", "POST /draws?n=1 HTTP/1.1\r\nHost: localhost:x\r\n\r\n", 400, false),
    (
        "two origins",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nOrigin: http://localhost\r\n\r\n",
        400,
        false,
    ),
    (
        "two log-ons",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic eDp5\r\nAuthorization: Basic eDp5\r\n\r\n",
        400,
        false,
    ),
    (
        "our host in the target, a foreign one beside it",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nPOST http://localhost/draws?n=1 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        403,
        true,
    ),
    ("the server as a whole, by GET", "GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, true),
    (
        "a body for TRACE",
        "TRACE /stats HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi",
        400,
        true,
    ),
    (
        "a body for the page",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi",
        400,
        true,
    ),
    ("a parameter for the page", "GET /?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, true),
    (
        "white space behind a chunk's size",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nhi\r\n0\r\n\r\n",
        400,
        false,
    ),
    (
        "a condition on what has no version",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nIf-Match: \"1\"\r\n\r\n",
        412,
        true,
    ),
    // What is asked.
    ("a draw by GET", "GET /draws?n=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, true),
    (
        "nothing that there is",
        "GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        404,
        true,
    ),
    (
        "a body of commands",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\ndraw 9\n",
        400,
        true,
    ),
    (
        "a body where none belongs",
        "GET /stats HTTP/1.1\r\nHost: localhost\r\nContent-Length: 24\r\n\r\nGET /stats HTTP/1.1\r\n\r\nX",
        400,
        true,
    ),
    (
        "a huge number",
        "POST /draws?n=99999999999999999999 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        400,
        true,
    ),
    (
        "a percent without digits",
        "POST /draws?n=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        400,
        true,
    ),
    (
        "an expectation",
        "GET /stats HTTP/1.1\r\nHost: localhost\r\nExpect: a-miracle\r\n\r\n",
        417,
        true,
    ),
    (
        "a coded body",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi",
        415,
        true,
    ),
    (
        "a part of a lease to be set",
        "PUT /leases/7 HTTP/1.1\r\nHost: localhost\r\nContent-Range: bytes 0-1/4\r\nContent-Length: 2\r\n\r\nhi",
        400,
        true,
    ),
    (
        "a form that there is not",
        "POST /draws?n=1 HTTP/1.1\r\nHost: localhost\r\nAccept: image/png\r\n\r\n",
        406,
        true,
    ),
];
