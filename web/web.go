// Package web is the embedded pages.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var static embed.FS

//go:embed pages/*.html
var pages embed.FS

// contentTypes is told by the name's end and never by the machine's own table of
// types, which differs from one system to the next.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// policy lets a page run nothing but what comes from here. It may speak to any
// API (server and port are the user's choice) and be framed by any page, as
// players are.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"media-src 'self' blob:; connect-src *; base-uri 'none'; form-action 'self'"

// player is one player page; the four differ in little.
type player struct {
	Title, About, Tag     string
	Role                  string // "publish" or "play": the script that drives it
	API                   string // the last part of /rtc/v1/<API>/
	PublishPage, PlayPage string // its pair, which speaks the same API
	URLLabel, URLHint     string
	APIPort               string // where the API is, if not where the page is
}

// Publish tells the two roles apart in the template.
func (p player) Publish() bool { return p.Role == "publish" }

func players() map[string]player {
	const (
		direct = "Change it to reach another server or stream. It takes the usual parameters, such as token, codec or eip."
		legacy = "SRS’s address of a stream. The request goes to the JSON API of that host."
	)
	return map[string]player{
		"whip.html": {
			Title: "Publish", About: "Publish the camera or the screen by WHIP.", Tag: "WHIP",
			Role: "publish", API: "whip", PublishPage: "whip.html", PlayPage: "whep.html",
			URLLabel: "WHIP URL", URLHint: direct,
		},
		"whep.html": {
			Title: "Watch", About: "Watch a live stream by WHEP.", Tag: "WHEP",
			Role: "play", API: "whep", PublishPage: "whip.html", PlayPage: "whep.html",
			URLLabel: "WHEP URL", URLHint: direct,
		},
		"rtc_publisher.html": {
			Title: "Publish", About: "Publish the camera or the screen by SRS's JSON API.", Tag: "SRS API",
			Role: "publish", API: "publish", PublishPage: "rtc_publisher.html", PlayPage: "rtc_player.html",
			URLLabel: "WebRTC URL", URLHint: legacy,
		},
		"rtc_player.html": {
			Title: "Watch", About: "Watch a live stream by SRS's JSON API.", Tag: "SRS API",
			Role: "play", API: "play", PublishPage: "rtc_publisher.html", PlayPage: "rtc_player.html",
			URLLabel: "WebRTC URL", URLHint: legacy,
		},
	}
}

// file is one thing that is served.
type file struct {
	contentType string
	etag        string
	body        []byte
}

func newFile(name string, body []byte) file {
	sum := sha256.Sum256(body)
	return file{contentTypes[path.Ext(name)], `"` + hex.EncodeToString(sum[:8]) + `"`, body}
}

// Handler serves the pages at SRS's paths: /, /players/*.html and what they
// load. It answers GET and HEAD, and 404 for everything else. apiPort is the
// port of the API when that has one of its own, else empty.
func Handler(apiPort string) http.Handler {
	files, err := load(apiPort)
	if err != nil {
		panic(fmt.Sprintf("web: the embedded pages are broken: %v", err))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(files, w, r) })
}

func serve(files map[string]file, w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/index.html", "/players", "/players/", "/players/index.html":
		http.Redirect(w, r, "/", http.StatusFound)
		return
	case "/favicon.ico": // Browsers ask for it at pages of other kinds.
		http.Redirect(w, r, "/favicon.svg", http.StatusFound)
		return
	}
	f, found := files[r.URL.Path]
	if !found {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this is a page: only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", policy)
	// Addresses of pages may hold tokens.
	h.Set("Referrer-Policy", "no-referrer")
	// Kept, and asked for again each time: pages and modules of two releases
	// never mix, and an unchanged file costs a 304.
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", f.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
}

// load makes every file that is served, by its path.
func load(apiPort string) (map[string]file, error) {
	files := make(map[string]file)
	err := fs.WalkDir(static, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := static.ReadFile(name)
		if err != nil {
			return err
		}
		files[strings.TrimPrefix(name, "static")] = newFile(name, body)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return files, render(files, apiPort)
}

// render adds the pages that are made from templates.
func render(files map[string]file, apiPort string) error {
	templates, err := template.ParseFS(pages, "pages/*.html")
	if err != nil {
		return err
	}
	page := func(at, name string, data any) error {
		var out bytes.Buffer
		if err := templates.ExecuteTemplate(&out, name, data); err != nil {
			return err
		}
		files[at] = newFile(name, out.Bytes())
		return nil
	}
	for name, p := range players() {
		p.APIPort = apiPort
		if err := page("/players/"+name, "player.html", p); err != nil {
			return err
		}
	}
	return page("/", "index.html", player{APIPort: apiPort})
}
