package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// contentTypes is told by the name's end and never by the machine's own table of
// types, which differs from one system to the next.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".json": "application/json",
}

const (
	// asked is for files that are kept, and asked for again each time: pages and
	// modules of two releases never mix, and an unchanged file costs a 304.
	asked = "no-cache"
	// kept is for files whose name tells their version: they are never asked for again.
	kept = "public, max-age=31536000, immutable"
)

// file is one thing that is served.
type file struct {
	contentType string
	etag        string
	caching     string
	body        []byte
	compressed  func() []byte // made when it is first asked for
}

func newFile(name string, body []byte, caching string) *file {
	sum := sha256.Sum256(body)
	return &file{
		contentType: contentTypes[path.Ext(name)],
		etag:        hex.EncodeToString(sum[:8]),
		caching:     caching,
		body:        body,
		compressed:  sync.OnceValue(func() []byte { return compress(body) }),
	}
}

func compress(body []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(body) // a Buffer takes everything
	z.Close()
	return out.Bytes()
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", policy)
	// Addresses of pages may hold tokens.
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", f.caching)
	h.Add("Vary", "Accept-Encoding")
	body, etag := f.body, f.etag
	if takesGzip(r) {
		body, etag = f.compressed(), etag+"-gzip"
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// takesGzip says whether a client takes gzip (RFC 9110 section 12.5.3). One that
// weighs it is given the plain file, which is never wrong.
func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			return true
		}
	}
	return false
}
