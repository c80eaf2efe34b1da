package server

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"oneport/config"
	"oneport/stream"
)

// HTTPRemux are a virtual host's settings for streams by HTTP.
type HTTPRemux struct {
	Enabled  bool   `conf:"enabled" default:"off" doc:"Whether streams are played by HTTP on the ports of http_server, as FLV (.flv), MPEG-TS (.ts) and bare AAC (.aac); over WebSocket too."`
	Mount    string `conf:"mount" default:"[vhost]/[app]/[stream].flv" doc:"The URL of a stream; whichever extension it ends with, .flv, .ts and .aac are all served."`
	HasAudio bool   `conf:"has_audio" default:"on" doc:"Send viewers the sound."`
	HasVideo bool   `conf:"has_video" default:"on" doc:"Send viewers the picture."`
	GuessAV  bool   `conf:"guess_has_av" default:"on" doc:"Say in the FLV header what the stream has; off says what has_audio and has_video say."`
}

// Check finds a mount that nothing could be played by.
func (c HTTPRemux) Check() error {
	if _, err := parseMount(c.Mount); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	return nil
}

// mount tells which URLs are streams: those of a host, if it is not empty, whose path matches. The extension of a path that
// does says in which container.
type mount struct {
	host string
	path *regexp.Regexp
}

// mountVariables stand for one segment of a path, or a part of one.
var mountVariables = strings.NewReplacer(`\[app\]`, `(?P<app>[^/]+)`, `\[stream\]`, `(?P<stream>[^/]+)`)

// parseMount reads "[vhost]/[app]/[stream].flv", where a host or nothing may stand for [vhost].
func parseMount(text string) (m mount, err error) {
	host, path, ok := strings.Cut(text, "/")
	base, extension, dotted := cutLast(path, ".")
	known := containerOf(extension) != nil
	switch {
	case !ok || !dotted || !known:
		return m, fmt.Errorf("%q is not [vhost]/path.flv; what can stand for flv is %s", text, extensions(", "))
	case strings.Count(base, "[app]") > 1 || strings.Count(base, "[stream]") != 1:
		return m, fmt.Errorf("%q must have [stream] once, and [app] at most once", text)
	}
	if host != "[vhost]" {
		m.host = host
	}
	m.path, err = regexp.Compile("^/" + mountVariables.Replace(regexp.QuoteMeta(base)) + `\.(?P<extension>` + extensions("|") + ")$")
	return m, err
}

// match finds app, stream and container in a path that is the mount's.
func (m mount) match(host, path string) (app, stream string, c *container) {
	found := m.path.FindStringSubmatch(path)
	if found == nil || m.host != "" && m.host != host {
		return "", "", nil
	}
	app = "live"
	if i := m.path.SubexpIndex("app"); i >= 0 {
		app = found[i]
	}
	return app, found[m.path.SubexpIndex("stream")], containerOf(found[m.path.SubexpIndex("extension")])
}

// claim serves a request if it is for what it knows, and says whether it was.
type claim func(w http.ResponseWriter, r *http.Request, host string, v *config.Vhost[VhostConf]) bool

// claims are what a path can be for besides a page, in the order in which they are asked: names of files come before those
// of streams, which they look like.
func (s *Server) claims() []claim {
	return []claim{s.segmented(), s.remuxes(), s.switches}
}

// remuxes plays streams in the containers of FLV and its like, where a virtual host has that on.
func (s *Server) remuxes() claim {
	mounts := make(map[string]mount)
	for v := range s.config.Vhosts.All() {
		if !v.Settings.Remux.Enabled {
			continue
		}
		m, err := parseMount(v.Settings.Remux.Mount)
		if err != nil {
			panic(err) // the configuration was checked
		}
		mounts[v.Name] = m
	}
	return func(w http.ResponseWriter, r *http.Request, host string, v *config.Vhost[VhostConf]) bool {
		m, ok := mounts[v.Name]
		if !ok {
			return false
		}
		app, name, c := m.match(host, r.URL.Path)
		if c == nil {
			return false
		}
		s.serveContainer(w, r, &v.Settings, stream.Name{Vhost: v.Name, App: app, Stream: name}, *c)
		return true
	}
}

// streams serves what is a stream's URL, and leaves the rest to next.
func (s *Server) streams(next http.Handler) http.Handler {
	claims := s.claims()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := vhostAsked(r, r.URL.Query())
		if v := s.config.Vhosts.Find(host); v != nil {
			for _, served := range claims {
				if served(w, r, host, v) {
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}
