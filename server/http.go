package server

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"oneport/web"
)

// portPlan is one TCP address with the services that are configured to listen on it.
type portPlan struct {
	addr            netip.AddrPort
	api, pages, rtc bool
}

// settings names the directives that asked for the port, for errors.
func (p *portPlan) settings() string {
	var names []string
	for _, n := range []struct {
		on   bool
		name string
	}{{p.api, "http_api.listen"}, {p.pages, "http_server.listen"}, {p.rtc, "rtc_server.tcp.listen"}} {
		if n.on {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, ", ")
}

// plan gathers the services by address: equal addresses share a port.
func (s *Server) plan() ([]*portPlan, error) {
	var plan []*portPlan
	at := func(listen string) (*portPlan, error) {
		addr, err := parseListen(listen)
		if err != nil {
			return nil, err
		}
		for _, p := range plan {
			if p.addr == addr {
				return p, nil
			}
		}
		p := &portPlan{addr: addr}
		plan = append(plan, p)
		return p, nil
	}
	c := s.config
	for _, service := range []struct {
		on     bool
		listen string
		set    func(*portPlan)
	}{
		{c.HTTPAPI.Enabled, c.HTTPAPI.Listen, func(p *portPlan) { p.api = true }},
		{c.HTTPServer.Enabled, c.HTTPServer.Listen, func(p *portPlan) { p.pages = true }},
		{c.RTC.Enabled && c.RTC.TCP.Enabled && c.RTC.Protocol != "udp", c.RTC.TCP.Listen, func(p *portPlan) { p.rtc = true }},
	} {
		if !service.on {
			continue
		}
		p, err := at(service.listen)
		if err != nil {
			return nil, err
		}
		service.set(p)
	}
	return plan, nil
}

// Bounds of an HTTP request. A body has until bodyDeadline; streams that last have none on writing.
const (
	headerDeadline = 15 * time.Second
	bodyDeadline   = 30 * time.Second
	idleHTTP       = 60 * time.Second
	maxHeader      = 64 << 10
)

func (s *Server) httpServer(p *portPlan) *http.Server {
	mux := http.NewServeMux()
	if p.api {
		s.apiRoutes(mux)
	}
	if p.pages {
		mux.Handle("/", web.Handler(s.apiPort(p)))
	}
	return &http.Server{
		Handler:           s.crossdomain(cleanURL(mux)),
		ReadHeaderTimeout: headerDeadline,
		ReadTimeout:       bodyDeadline,
		IdleTimeout:       idleHTTP,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// apiPort is what pages have to be told: the port of the API where they don't share one with it.
func (s *Server) apiPort(p *portPlan) string {
	addr, err := parseListen(s.config.HTTPAPI.Listen)
	if p.api || !s.config.HTTPAPI.Enabled || err != nil {
		return ""
	}
	return strconv.Itoa(int(addr.Port()))
}

// crossdomain lets pages of other sites call the API (CORS), where that is on.
func (s *Server) crossdomain(next http.Handler) http.Handler {
	on := s.config.HTTPAPI.Crossdomain && s.config.HTTPServer.Crossdomain
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Server", "oneport/"+Version())
		if on && r.Header.Get("Origin") != "" {
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE, HEAD, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
			h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch")
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
func cleanURL(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "..") {
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
		var what []string
		for _, service := range []struct {
			on   bool
			name string
		}{{p.pages, "pages"}, {p.api, "API, WHIP and WHEP"}, {p.rtc, "WebRTC media"}} {
			if service.on {
				what = append(what, service.name)
			}
		}
		lines = append(lines, "TCP "+listenText(p.addr)+"  "+strings.Join(what, ", "))
	}
	if s.udp != nil {
		lines = append(lines, "UDP "+s.udp.local.String()+"  WebRTC media")
	}
	return lines
}
