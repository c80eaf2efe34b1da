package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"oneport/cert"
	"oneport/config"
)

// portPlan is one TCP address with the services that are configured to listen on it.
type portPlan struct {
	addr   netip.AddrPort
	plain  httpPlan
	secure httpPlan // inside TLS
	rtc    bool
	rtmp   bool
	rtmps  bool // inside TLS
}

// httpPlan is what HTTP serves on a port.
type httpPlan struct{ api, pages bool }

func (h httpPlan) any() bool { return h.api || h.pages }

// service is one thing that can be configured to listen somewhere.
type service struct {
	on      bool
	setting string // that says where
	listen  string
	name    string
	put     func(*portPlan) *bool // what of a port's plan it switches on
}

func (c *Config) services() []service {
	list := []service{
		{c.HTTPAPI.Enabled, "http_api.listen", c.HTTPAPI.Listen, "API, WHIP and WHEP", func(p *portPlan) *bool { return &p.plain.api }},
		{c.HTTPServer.Enabled, "http_server.listen", c.HTTPServer.Listen, "pages", func(p *portPlan) *bool { return &p.plain.pages }},
		{c.RTC.Enabled && c.RTC.TCP.Enabled && c.RTC.Protocol != "udp", "rtc_server.tcp.listen", c.RTC.TCP.Listen, "WebRTC media", func(p *portPlan) *bool { return &p.rtc }},
	}
	api, pages := c.httpsListens()
	for _, listen := range api {
		list = append(list, service{c.HTTPAPI.HTTPS.Enabled, "http_api.https.listen", listen, "API by HTTPS", func(p *portPlan) *bool { return &p.secure.api }})
	}
	for _, listen := range pages {
		list = append(list, service{c.HTTPServer.HTTPS.Enabled, "http_server.https.listen", listen, "pages by HTTPS", func(p *portPlan) *bool { return &p.secure.pages }})
	}
	for _, rtmp := range c.rtmpSettings() {
		for _, listen := range rtmp.listens {
			list = append(list, service{true, rtmp.setting, listen, "RTMP", func(p *portPlan) *bool { return &p.rtmp }})
		}
	}
	_, rtmps := c.rtmpListens()
	for _, listen := range rtmps {
		list = append(list, service{true, "rtmps.listen", listen, "RTMPS", func(p *portPlan) *bool { return &p.rtmps }})
	}
	return list
}

// told names the services that a port has.
func (s *Server) told(p *portPlan) string {
	var list []string
	for _, v := range s.config.services() {
		if addr, _ := parseListen(v.listen); v.on && addr == p.addr && !slices.Contains(list, v.name) {
			list = append(list, v.name)
		}
	}
	return strings.Join(list, ", ")
}

// settingsOf names the settings that put a service on the port, with their variables. Those that say no address, but that they
// share one, are left out: the port moves with the others.
func (s *Server) settingsOf(p *portPlan) string {
	var own, all []string
	for _, v := range s.config.services() {
		addr, _ := parseListen(v.listen)
		name := withVariable(v.setting)
		if !v.on || addr != p.addr || slices.Contains(all, name) {
			continue
		}
		all = append(all, name)
		if !s.config.follows(v.setting, p.addr) {
			own = append(own, name)
		}
	}
	if own == nil {
		own = all
	}
	return strings.Join(own, ", ")
}

// follows says whether a setting has the address from another one.
func (c *Config) follows(setting string, addr netip.AddrPort) bool {
	said, ok := map[string][]string{
		"http_api.https.listen":    {c.HTTPAPI.HTTPS.Listen},
		"http_server.https.listen": {c.HTTPServer.HTTPS.Listen},
		"listen":                   c.Listen,
		"rtmp.listen":              c.RTMP.Listen,
		"rtmps.listen":             c.RTMPS.Listen,
	}[setting]
	return ok && !slices.ContainsFunc(said, func(listen string) bool {
		a, err := parseListen(listen)
		return err == nil && a == addr
	})
}

// withVariable is a setting with the environment variable that sets it.
func withVariable(setting string) string { return setting + " (" + config.EnvName(setting) + ")" }

// plan gathers the services by address: equal addresses share a port.
func (s *Server) plan() ([]*portPlan, error) {
	var plan []*portPlan
	for _, v := range s.config.services() {
		if !v.on {
			continue
		}
		addr, err := parseListen(v.listen)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.setting, err)
		}
		i := slices.IndexFunc(plan, func(p *portPlan) bool { return p.addr == addr })
		if i < 0 {
			i = len(plan)
			plan = append(plan, &portPlan{addr: addr})
		}
		*v.put(plan[i]) = true
	}
	return plan, nil
}

// Bounds of an HTTP request. A body has until bodyDeadline; responses that last have a bound on each write instead.
const (
	headerDeadline = 15 * time.Second
	bodyDeadline   = 30 * time.Second
	idleHTTP       = 60 * time.Second
	answerDeadline = 2 * time.Minute // for the whole of a response, but those that last
	mostStreams    = 100             // requests at once on one connection of HTTP/2
	maxHeader      = 64 << 10
)

// pagesPattern is whatever is not the API's: the pages, and the streams by HTTP.
const pagesPattern = "/"

func (s *Server) httpServer(h httpPlan, apiListen string) *http.Server {
	mux := http.NewServeMux()
	if h.api {
		s.apiRoutes(mux)
		apiListen = ""
	}
	if h.pages {
		mux.Handle(pagesPattern, s.streams(s.pages(portOf(apiListen))))
	}
	if s.acme != nil {
		mux.Handle("GET "+cert.ChallengePath, s.acme)
	}
	return &http.Server{
		Handler:           s.withstand(tellTLS(s.crossdomain(mux, s.cleanURL(mux)))),
		ReadHeaderTimeout: headerDeadline,
		ReadTimeout:       bodyDeadline,
		WriteTimeout:      answerDeadline,
		IdleTimeout:       idleHTTP,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: mostStreams,
			WriteByteTimeout:     writePatience, // a connection that takes nothing would outlive its streams
			SendPingTimeout:      idleHTTP,
		},
		MaxHeaderBytes: maxHeader,
		ConnContext:    withConnection,
		ConnState:      s.callers.note,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// portOf is the port of a listen address, as pages are told it; empty for none.
func portOf(listen string) string {
	addr, err := parseListen(listen)
	if err != nil {
		return ""
	}
	return strconv.Itoa(int(addr.Port()))
}

// crossdomain lets pages of other sites call the API, and load streams, where each of them is on (CORS).
func (s *Server) crossdomain(mux *http.ServeMux, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		on := s.config.HTTPAPI.Crossdomain
		if _, pattern := mux.Handler(r); pattern == pagesPattern {
			on = s.config.HTTPServer.Crossdomain
		}
		h := w.Header()
		h.Set("Server", "oneport/"+Version())
		if on {
			h.Add("Vary", "Origin")
		}
		if on && r.Header.Get("Origin") != "" {
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE, HEAD, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
			h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch, Retry-After")
			h.Set("Access-Control-Max-Age", "600")
			if r.Header.Get("Access-Control-Request-Private-Network") != "" {
				h.Set("Access-Control-Allow-Private-Network", "true")
			}
		}
		next.ServeHTTP(w, r)
	})
}

// cleanURL refuses paths that climb, and takes paths without the slash that SRS's clients may leave out: a GET is sent to the
// right place, with the query kept; anything else is served at once, because clients turn a redirected POST into a GET.
func (s *Server) cleanURL(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "..") {
			s.stats.refused.Add(1)
			http.Error(w, "the path must not hold \"..\"", http.StatusBadRequest)
			return
		}
		if _, pattern := mux.Handler(r); strings.TrimSuffix(pattern, "{$}") == r.URL.Path+"/" {
			u := *r.URL
			u.Path += "/"
			if r.Method == http.MethodGet || r.Method == http.MethodHead {
				w.Header().Set("Location", u.RequestURI())
				w.WriteHeader(http.StatusFound)
				return
			}
			r.URL = &u
		}
		mux.ServeHTTP(w, r)
	})
}

// Summary says in a line each what listens where.
func (s *Server) Summary() []string {
	var lines []string
	plan, _ := s.plan() // it was good when the server was opened
	for _, p := range plan {
		lines = append(lines, "TCP "+listenText(p.addr)+"  "+s.told(p))
	}
	if s.udp != nil {
		lines = append(lines, "UDP "+s.udp.local.String()+"  WebRTC media")
	}
	if s.srt != nil {
		lines = append(lines, "UDP "+s.srt.Addr().String()+"  SRT")
	}
	return lines
}
