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
	Enabled  bool   `conf:"enabled" default:"off" doc:"Whether streams are played by HTTP-FLV and by FLV over WebSocket, on the ports of http_server."`
	Mount    string `conf:"mount" default:"[vhost]/[app]/[stream].flv" doc:"The URL of a stream by HTTP-FLV."`
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

// mount tells which URLs are streams: those of a host, if it is not empty, whose path matches.
type mount struct {
	host string
	path *regexp.Regexp
}

// mountVariables stand for one segment of a path, or a part of one.
var mountVariables = strings.NewReplacer(`\[app\]`, `(?P<app>[^/]+)`, `\[stream\]`, `(?P<stream>[^/]+)`)

// parseMount reads "[vhost]/[app]/[stream].flv", where a host or nothing may stand for [vhost].
func parseMount(text string) (m mount, err error) {
	host, path, ok := strings.Cut(text, "/")
	switch {
	case !ok || !strings.HasSuffix(path, ".flv"):
		return m, fmt.Errorf("%q is not [vhost]/path.flv; other formats than FLV are not supported yet", text)
	case strings.Count(path, "[app]") > 1 || strings.Count(path, "[stream]") != 1:
		return m, fmt.Errorf("%q must have [stream] once, and [app] at most once", text)
	}
	if host != "[vhost]" {
		m.host = host
	}
	m.path, err = regexp.Compile("^/" + mountVariables.Replace(regexp.QuoteMeta(path)) + "$")
	return m, err
}

// match finds app and stream in a path that is the mount's.
func (m mount) match(host, path string) (app, stream string, ok bool) {
	found := m.path.FindStringSubmatch(path)
	if found == nil || m.host != "" && m.host != host {
		return "", "", false
	}
	app = "live"
	if i := m.path.SubexpIndex("app"); i >= 0 {
		app = found[i]
	}
	return app, found[m.path.SubexpIndex("stream")], true
}

// remux is what a virtual host plays by HTTP.
type remux struct {
	mount mount
	vhost *config.Vhost[VhostConf]
	hub   *stream.Hub
}

// remuxes are the virtual hosts that play by HTTP.
func (s *Server) remuxes() map[string]*remux {
	all := make(map[string]*remux)
	for v := range s.config.Vhosts.All() {
		if !v.Settings.Remux.Enabled {
			continue
		}
		m, err := parseMount(v.Settings.Remux.Mount)
		if err != nil {
			panic(err) // the configuration was checked
		}
		all[v.Name] = &remux{mount: m, vhost: v, hub: s.hubs[v.Name]}
	}
	return all
}

// streams plays what is a stream's URL, and leaves the rest to next.
func (s *Server) streams(next http.Handler) http.Handler {
	all := s.remuxes()
	if len(all) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		host := firstOf(query.Get("vhost"), query.Get("domain"), hostOf(r.Host), config.DefaultVhost)
		if v := s.config.Vhosts.Find(host); v != nil && all[v.Name] != nil {
			m := all[v.Name]
			if app, stream, ok := m.mount.match(host, r.URL.Path); ok {
				s.serveFLV(w, r, m, app, stream)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
