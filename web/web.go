// Package web is the embedded pages.
package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"strings"

	"oneport/third_party"
)

//go:embed static
var static embed.FS

//go:embed pages/*.html
var pages embed.FS

// policy lets a page run nothing but what comes from here. It may speak to any
// API and play from any server (server and port are the user's choice), and be
// framed by any page, as players are.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"media-src * blob:; connect-src *; base-uri 'none'; form-action 'self'"

// player is one page of WebRTC; the four differ in little.
type player struct {
	Site
	Title, About, Tag     string
	Role                  string // "publish" or "play": the script that drives it
	API                   string // the last part of /rtc/v1/<API>/
	PublishPage, PlayPage string // its pair, which speaks the same API
	URLLabel, URLHint     string
}

// Publish tells the two roles apart in the template.
func (p player) Publish() bool { return p.Role == "publish" }

func players() map[string]player {
	const (
		direct = "Change it and press Enter to reach another server or stream. It takes the usual parameters, such as token, codec or eip."
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

// Pages are what is embedded. Pages of several sites share the files that say nothing of a site.
type Pages struct{ shared map[string]*file }

// Load reads the pages.
func Load() *Pages {
	files, err := load()
	if err != nil {
		panic(broken(err))
	}
	return &Pages{shared: files}
}

// Handler serves the pages of a site at SRS's paths: /, /players/*.html and what
// they load. It answers GET and HEAD, and 404 for everything else.
func (p *Pages) Handler(site Site) http.Handler {
	files := maps.Clone(p.shared)
	if err := render(files, site); err != nil {
		panic(broken(err))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(files, w, r) })
}

func broken(err error) string { return fmt.Sprintf("web: the embedded pages are broken: %v", err) }

func serve(files map[string]*file, w http.ResponseWriter, r *http.Request) {
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
	f.serve(w, r)
}

// load makes every file that is the same for all sites, by its path.
func load() (map[string]*file, error) {
	files := make(map[string]*file)
	err := fs.WalkDir(static, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := static.ReadFile(name)
		if err != nil {
			return err
		}
		files[strings.TrimPrefix(name, "static")] = newFile(name, body, asked)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, s := range third_party.Scripts() {
		files["/players/js/"+s.Name] = newFile(s.Name, s.Body, kept)
	}
	return files, nil
}

// render adds what says something of a site: the pages that are made from templates, and its services by themselves.
func render(files map[string]*file, site Site) error {
	templates, err := template.ParseFS(pages, "pages/*.html")
	if err != nil {
		return err
	}
	page := func(at, name string, data any) error {
		var out bytes.Buffer
		if err := templates.ExecuteTemplate(&out, name, data); err != nil {
			return err
		}
		files[at] = newFile(name, out.Bytes(), asked)
		return nil
	}
	for name, p := range players() {
		p.Site = site
		if err := page("/players/"+name, "player.html", p); err != nil {
			return err
		}
	}
	if err := page("/players/srs_player.html", "srs_player.html", site); err != nil {
		return err
	}
	services, err := site.ServicesJSON()
	if err != nil {
		return err
	}
	files["/players/services.json"] = newFile("services.json", []byte(services), asked)
	return page("/", "index.html", site)
}
