package web

import (
	"compress/gzip"
	"encoding/json"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"oneport/third_party"
)

func get(t *testing.T, h http.Handler, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func handler(site Site) http.Handler { return Load().Handler(site) }

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var srsPages = []string{"/", "/players/whip.html", "/players/whep.html", "/players/rtc_publisher.html", "/players/rtc_player.html", "/players/srs_player.html"}

func TestPagesAreThere(t *testing.T) {
	h := handler(Site{})
	for _, at := range srsPages {
		r := get(t, h, "GET", at+"?autostart=true")
		if r.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", at, r.StatusCode)
		}
		if text := body(t, r); !strings.HasSuffix(strings.TrimSpace(text), "</html>") {
			t.Errorf("%s is cut short: %.80q", at, text)
		}
	}
}

func TestHeaders(t *testing.T) {
	h := handler(Site{})
	for at, contentType := range map[string]string{
		"/":                        "text/html; charset=utf-8",
		"/players/whip.html":       "text/html; charset=utf-8",
		"/players/js/call.js":      "text/javascript; charset=utf-8",
		"/players/css/oneport.css": "text/css; charset=utf-8",
		"/favicon.svg":             "image/svg+xml",
	} {
		got := get(t, h, "GET", at).Header
		for name, want := range map[string]string{
			"Content-Type":            contentType,
			"Cache-Control":           "no-cache",
			"X-Content-Type-Options":  "nosniff",
			"Referrer-Policy":         "no-referrer",
			"Content-Security-Policy": policy,
		} {
			if got.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", at, name, got.Get(name), want)
			}
		}
	}
}

func TestUnchangedFilesCostNothing(t *testing.T) {
	h := handler(Site{})
	first := get(t, h, "GET", "/players/js/call.js")
	again := get(t, h, "GET", "/players/js/call.js", "If-None-Match", first.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified || body(t, again) != "" {
		t.Errorf("status %d, want 304 and no body", again.StatusCode)
	}
	other := get(t, h, "GET", "/players/js/page.js", "If-None-Match", first.Header.Get("ETag"))
	if other.StatusCode != http.StatusOK {
		t.Errorf("another file: status %d, want 200", other.StatusCode)
	}
}

func TestStatus(t *testing.T) {
	h := handler(Site{})
	for _, c := range []struct {
		method, target string
		status         int
		location       string
	}{
		{"GET", "/players", http.StatusFound, "/"},
		{"GET", "/players/", http.StatusFound, "/"},
		{"GET", "/players/index.html", http.StatusFound, "/"},
		{"GET", "/index.html", http.StatusFound, "/"},
		{"GET", "/favicon.ico", http.StatusFound, "/favicon.svg"},
		{"HEAD", "/players/whip.html", http.StatusOK, ""},
		{"POST", "/players/whip.html", http.StatusMethodNotAllowed, ""},
		{"GET", "/players/nothing.html", http.StatusNotFound, ""},
		{"GET", "/players/js/", http.StatusNotFound, ""},
		{"GET", "/players/js", http.StatusNotFound, ""},
		{"GET", "/pages/player.html", http.StatusNotFound, ""},
		{"GET", "/players/../web.go", http.StatusNotFound, ""},
	} {
		r := get(t, h, c.method, c.target)
		if r.StatusCode != c.status || r.Header.Get("Location") != c.location {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.target, r.StatusCode, r.Header.Get("Location"), c.status, c.location)
		}
	}
}

var (
	referenceInPage = regexp.MustCompile(`(?:src|href|action)="([^"]*)"`)
	importInModule  = regexp.MustCompile(`(?m)^(?:import|export)[^;]*?from '([^']+)';`)
	anyImport       = regexp.MustCompile(`(?m)^import |\bimport\(`)
	idInPage        = regexp.MustCompile(`\bid="([^"]+)"`)
	idInModule      = regexp.MustCompile(`\$\('([^']+)'\)|'(i-[a-z-]+)'`)
)

// TestReferences: whatever a page or module names exists here, and nothing comes
// from elsewhere.
func TestReferences(t *testing.T) {
	h := handler(Site{})
	for _, at := range srsPages {
		text := body(t, get(t, h, "GET", at))
		ids := make(map[string]bool)
		for _, m := range idInPage.FindAllStringSubmatch(text, -1) {
			if ids[m[1]] {
				t.Errorf("%s: id %q stands twice", at, m[1])
			}
			ids[m[1]] = true
		}
		for _, m := range referenceInPage.FindAllStringSubmatch(text, -1) {
			checkReference(t, h, at, m[1], ids)
		}
	}
}

func checkReference(t *testing.T, h http.Handler, from, reference string, ids map[string]bool) {
	t.Helper()
	if reference == "" || strings.Contains(reference, "//") || strings.HasPrefix(reference, "/") {
		t.Errorf("%s: %q is not relative to the page", from, reference)
		return
	}
	target, fragment, _ := strings.Cut(reference, "#")
	target, _, _ = strings.Cut(target, "?")
	if target == "" {
		if !ids[fragment] {
			t.Errorf("%s: there is no #%s", from, fragment)
		}
		return
	}
	to := path.Join(path.Dir(from), target)
	if r := get(t, h, "GET", to); r.StatusCode != http.StatusOK {
		t.Errorf("%s: %q leads to %s: status %d", from, reference, to, r.StatusCode)
	}
}

func TestModules(t *testing.T) {
	h := handler(Site{})
	names, err := fs.Glob(static, "static/players/js/*.js")
	if err != nil || len(names) == 0 {
		t.Fatalf("no modules: %v", err)
	}
	for _, name := range names {
		source, err := static.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := string(source)
		imports := importInModule.FindAllStringSubmatch(text, -1)
		if len(imports) != len(anyImport.FindAllString(text, -1)) {
			t.Errorf("%s: an import is not of the form that is checked here", name)
		}
		for _, m := range imports {
			to := path.Join(path.Dir(strings.TrimPrefix(name, "static")), m[1])
			if r := get(t, h, "GET", to); r.StatusCode != http.StatusOK || !strings.HasPrefix(m[1], "./") {
				t.Errorf("%s imports %q: status %d", name, m[1], r.StatusCode)
			}
		}
		for _, forbidden := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"} {
			if strings.Contains(text, forbidden) {
				t.Errorf("%s uses %s: text from outside could become markup or code", name, forbidden)
			}
		}
	}
}

// TestElements: the ids that a script looks for stand in every page it serves.
func TestElements(t *testing.T) {
	h := handler(Site{Services: []Service{{Name: "webrtc"}}})
	shared := []string{"page.js", "panel.js", "dom.js"}
	for at, own := range map[string][]string{
		"/players/whip.html":          append([]string{"publish.js"}, shared...),
		"/players/rtc_publisher.html": append([]string{"publish.js"}, shared...),
		"/players/whep.html":          append([]string{"play.js", "sound.js"}, shared...),
		"/players/rtc_player.html":    append([]string{"play.js", "sound.js"}, shared...),
		"/players/srs_player.html":    {"srs_player.js", "panel.js", "sound.js", "dom.js"},
		"/":                           {"index.js", "dom.js"},
	} {
		ids := make(map[string]bool)
		for _, m := range idInPage.FindAllStringSubmatch(body(t, get(t, h, "GET", at)), -1) {
			ids[m[1]] = true
		}
		for _, module := range own {
			source, err := static.ReadFile("static/players/js/" + module)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range idInModule.FindAllStringSubmatch(string(source), -1) {
				if id := m[1] + m[2]; !ids[id] && !optional[id] {
					t.Errorf("%s: %s looks for #%s", at, module, id)
				}
			}
		}
	}
}

// optional elements are looked for and may be missing.
var optional = map[string]bool{"watch": true}

// TestNothingIsOffered that is off: the front page and the player lead to pages that work.
func TestNothingIsOffered(t *testing.T) {
	for _, c := range []struct {
		services string
		publish  bool
		watch    string
	}{
		{"webrtc flv", true, "whep.html"},
		{"flv hls", false, "srs_player.html"},
		{"hls rtmp", false, "srs_player.html"},
		{"rtmp srt", false, ""},
	} {
		var site Site
		for name := range strings.FieldsSeq(c.services) {
			site.Services = append(site.Services, Service{Name: name})
		}
		h := handler(site)
		front, _, _ := strings.Cut(body(t, get(t, h, "GET", "/")), `class="doors"`) // those are hidden one by one
		for text, want := range map[string]bool{
			`href="players/whip.html`: c.publish, `id="publish"`: c.publish, "WHIP": c.publish, "WebRTC": c.publish,
			`id="watch"`: c.watch != "", `href="players/whep.html`: c.watch == "whep.html", `href="players/srs_player.html`: c.watch == "srs_player.html",
		} {
			if got := strings.Contains(front, text); got != want {
				t.Errorf("%s: the front page has %s: %t", c.services, text, got)
			}
		}
		if got := strings.Contains(body(t, get(t, h, "GET", "/players/srs_player.html")), `href="whip.html`); got != c.publish {
			t.Errorf("%s: the player has a link to publish: %t", c.services, got)
		}
	}
}

// TestElementsForTests: what end-to-end tests hold on to.
func TestElementsForTests(t *testing.T) {
	h := handler(Site{})
	for _, at := range srsPages[1:] {
		text := body(t, get(t, h, "GET", at))
		own := []string{"rtt", "cipher"}
		if at == "/players/srs_player.html" {
			own = []string{"latency", "buffer", "dropped", "live", "ways", "sound"}
		}
		for _, id := range append(own, "state", "transport", "codec", "bitrate", "fps", "video", "start", "stop", "error", "url", "mute") {
			if !strings.Contains(text, `id="`+id+`" data-testid="`+id+`"`) {
				t.Errorf("%s has no #%s with its data-testid", at, id)
			}
		}
	}
}

func TestNothingComesFromElsewhere(t *testing.T) {
	style, err := static.ReadFile("static/players/css/oneport.css")
	if err != nil {
		t.Fatal(err)
	}
	if outside := regexp.MustCompile(`url\(|@import|https?:`).FindString(string(style)); outside != "" {
		t.Errorf("the style loads something: %s", outside)
	}
	for _, at := range srsPages {
		text := body(t, get(t, handler(Site{}), "GET", at))
		if inline := regexp.MustCompile(`(?i) on[a-z]+="| style="|<style|<script(?: type="module")?>`).FindString(text); inline != "" {
			t.Errorf("%s: %q would be stopped by the policy", at, inline)
		}
	}
}

// TestReleasedScripts: the scripts of other projects are kept without asking, and what loads them knows their names.
func TestReleasedScripts(t *testing.T) {
	engines, err := static.ReadFile("static/players/js/engines.js")
	if err != nil {
		t.Fatal(err)
	}
	loaded := regexp.MustCompile(`script\('([^']+)'`).FindAllStringSubmatch(string(engines), -1)
	if len(loaded) != len(third_party.Scripts()) {
		t.Errorf("engines.js loads %v", loaded)
	}
	for _, m := range loaded {
		r := get(t, handler(Site{}), "GET", "/players/js/"+m[1])
		if r.StatusCode != http.StatusOK || r.Header.Get("Cache-Control") != kept {
			t.Errorf("%s: status %d, Cache-Control %q", m[1], r.StatusCode, r.Header.Get("Cache-Control"))
		}
	}
}

func TestCompression(t *testing.T) {
	h := handler(Site{})
	const at = "/players/js/page.js"
	plain := get(t, h, "GET", at)
	source := body(t, plain)
	for accept, packed := range map[string]bool{"gzip": true, "br, GZIP": true, "": false, "gzip;q=0": false, "br": false} {
		r := get(t, h, "GET", at, "Accept-Encoding", accept)
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != packed || r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: Content-Encoding %q, Vary %q", accept, r.Header.Get("Content-Encoding"), r.Header.Get("Vary"))
		}
		if !packed {
			continue
		}
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(z); err != nil || string(text) != source || r.Header.Get("ETag") == plain.Header.Get("ETag") {
			t.Errorf("unpacked: %d bytes, %v; ETags %s and %s", len(text), err, r.Header.Get("ETag"), plain.Header.Get("ETag"))
		}
	}
}

// TestServices: the list stands in a page as JSON, whatever is in it.
func TestServices(t *testing.T) {
	site := Site{Services: []Service{{Name: "hls", Path: `/"><script>/[stream].m3u8`, Live: true}, {Name: "rtmp", Port: "1935"}}}
	for _, at := range []string{"/", "/players/srs_player.html"} {
		m := regexp.MustCompile(`data-services="([^"]*)"`).FindStringSubmatch(body(t, get(t, handler(site), "GET", at)))
		if m == nil {
			t.Fatalf("%s has no list of services", at)
		}
		var read []Service
		if err := json.Unmarshal([]byte(html.UnescapeString(m[1])), &read); err != nil || !slices.Equal(read, site.Services) {
			t.Errorf("%s: %v, %v", at, read, err)
		}
		if text := body(t, get(t, handler(Site{}), "GET", at)); !strings.Contains(text, `data-services="[]"`) {
			t.Errorf("%s: no services are no empty list", at)
		}
	}
}

// TestServicesAlone: a page asks for the services of another virtual host than its own.
func TestServicesAlone(t *testing.T) {
	for want, services := range map[string][]Service{"[]": nil, `[{"name":"rtmp","port":"1935"}]`: {{Name: "rtmp", Port: "1935"}}} {
		r := get(t, handler(Site{Services: services}), "GET", "/players/services.json")
		if got := body(t, r); got != want || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s, %q; want %s", got, r.Header.Get("Content-Type"), want)
		}
	}
}

// TestAPIPort names another port of the API on every page, and none where the page and the API share one.
func TestAPIPort(t *testing.T) {
	for _, port := range []string{"", "1985"} {
		for _, at := range srsPages {
			text := body(t, get(t, handler(Site{APIPort: port}), "GET", at))
			if want := `data-api-port="` + port + `"`; !strings.Contains(text, want) {
				t.Errorf("%s has no %s", at, want)
			}
		}
	}
}
