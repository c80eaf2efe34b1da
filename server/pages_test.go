package server

import (
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"oneport/config"
	"oneport/web"
)

// TestSite: the pages are told of what is switched on, and of nothing else.
func TestSite(t *testing.T) {
	names := func(text string) (list []string) {
		conf := new(Config)
		in := config.Input{Source: config.Source{Path: "test.conf", Text: []byte("http_api { enabled on; } " + text)}}
		if _, err := config.Load(in, conf); err != nil {
			t.Fatal(err)
		}
		site := (&Server{config: conf}).site("1985", slices.Collect(conf.Vhosts.All())...)
		if site.APIPort != "1985" {
			t.Errorf("the API's port is %q", site.APIPort)
		}
		for _, s := range site.Services {
			if list = append(list, s.Name); s.Port != "" {
				list[len(list)-1] += ":" + s.Port
			}
		}
		return list
	}
	for text, want := range map[string][]string{
		"vhost __defaultVhost__ {}":                  nil,
		"vhost other { http_remux { enabled on; } }": {"flv", "ts", "aac"},
		"listen 1935;":                               nil,
		"vhost a { hls { enabled on; } } vhost b { http_remux { enabled on; } hls { enabled on; } }":                             {"flv", "ts", "aac", "hls"},
		"rtc_server { enabled on; } vhost __defaultVhost__ { }":                                                                  nil,
		"rtc_server { enabled on; } vhost __defaultVhost__ { rtc { enabled on; } }":                                              {"webrtc"},
		"vhost __defaultVhost__ { rtc { enabled on; } http_remux { enabled on; } }":                                              {"flv", "ts", "aac"},
		"rtc_server { enabled on; } vhost __defaultVhost__ { rtc { enabled on; } http_remux { enabled on; } }":                   {"webrtc", "flv", "ts", "aac"},
		"rtc_server { enabled off; } vhost __defaultVhost__ { rtc { enabled on; } http_remux { enabled off; } }":                 nil,
		"vhost __defaultVhost__ { hls { enabled on; } dash { enabled on; } }":                                                    {"hls", "dash"},
		"srt_server { enabled on; listen 10080; } vhost __defaultVhost__ { srt { enabled on; } }":                                {"srt:10080"},
		"srt_server { enabled on; listen 10080; } vhost __defaultVhost__ { }":                                                    nil,
		"listen 1935; vhost __defaultVhost__ {}":                                                                                 {"rtmp:1935"},
		"listen 1935 shared; http_server { enabled on; listen 8080; } vhost __defaultVhost__ {}":                                 {"rtmp"},
		"listen shared; http_server { enabled on; listen 8080; https { enabled on; listen 8088; } } vhost __defaultVhost__ {}":   {"rtmp:8080"},
		"listen shared; http_server { enabled on; listen 8080; https { enabled on; listen shared; } } vhost __defaultVhost__ {}": {"rtmp"},
		"listen 1935; rtmp { enabled off; } rtmps { enabled on; listen 1443; } vhost __defaultVhost__ {}":                        {"rtmps:1443"},
	} {
		if got := names(text); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// TestSiteOfVhosts: pages tell of the virtual host that a request is for, and where there is none, of what any of them has.
func TestSiteOfVhosts(t *testing.T) {
	const (
		top     = "http_server { enabled on; listen 127.0.0.1:PORT; } rtc_server { enabled on; listen 127.0.0.1:PORT; candidate 127.0.0.1; } "
		live    = "vhost live.example { rtc { enabled on; } } "
		film    = "vhost film.example { http_remux { enabled on; } } "
		off     = "vhost off.example { enabled off; rtc { enabled on; } } "
		usual   = "vhost __defaultVhost__ { http_remux { enabled on; } } "
		publish = `id="publish"`
		flv     = "players/srs_player.html?autostart"
	)
	for _, test := range []struct {
		vhosts, host, query string
		publish, flv        bool
	}{
		{live, "live.example:8080", "", true, false},
		{live, "192.0.2.1:8080", "", true, false},
		{live + film, "live.example", "", true, false},
		{live + film, "film.example", "", false, true},
		{film + live, "192.0.2.1", "", true, false}, // a page plays by WebRTC where it can
		{live + film, "film.example", "?vhost=live.example", true, false},
		{live + usual, "live.example", "", true, false},
		{live + usual, "other.example", "", false, true},
		{live + usual, "", "", false, true},
		{off, "off.example", "", false, false},
		{off + film, "192.0.2.1", "", false, true},
	} {
		s := offline(t, configure(t, top+test.vhosts))
		page := text(t, siteAt(s, test.host, "/"+test.query))
		if got := strings.Contains(page, publish); got != test.publish {
			t.Errorf("%s at %q%s: publishing is offered: %t", test.vhosts, test.host, test.query, got)
		}
		if got := strings.Contains(page, flv); got != test.flv {
			t.Errorf("%s at %q%s: FLV is offered: %t", test.vhosts, test.host, test.query, got)
		}
	}
}

// TestSiteNamesItsVhost where an address does not say it by its host: in SRT's, and where the path of a playlist has it.
func TestSiteNamesItsVhost(t *testing.T) {
	const (
		top   = "http_server { enabled on; listen 127.0.0.1:PORT; } srt_server { enabled on; listen 127.0.0.1:PORT1; } "
		has   = " { srt { enabled on; } hls { enabled on; hls_m3u8_file [vhost]/[app]/[stream].m3u8; } } "
		live  = "vhost live.example" + has
		film  = "vhost film.example" + has
		usual = "vhost __defaultVhost__" + has
	)
	for _, test := range []struct{ vhosts, host, query, srt, hls string }{
		{live, "live.example", "", "live.example", "/live.example/[app]/[stream].m3u8"},
		{live, "192.0.2.1", "", "live.example", "/live.example/[app]/[stream].m3u8"},
		{live + film, "film.example", "", "film.example", "/film.example/[app]/[stream].m3u8"},
		{live + film, "live.example", "?vhost=film.example", "film.example", "/film.example/[app]/[stream].m3u8"},
		{live + film, "192.0.2.1", "", "", "/[vhost]/[app]/[stream].m3u8"}, // which one it is for is not known
		{live + usual, "other.example", "", "", "/__defaultVhost__/[app]/[stream].m3u8"},
		{live + usual, "other.example", "?vhost=another", "", "/__defaultVhost__/[app]/[stream].m3u8"},
	} {
		services := servicesAt(t, offline(t, configure(t, top+test.vhosts)), test.host, "/"+test.query)
		if srt := services["srt"]; srt.Name == "" || srt.Vhost != test.srt {
			t.Errorf("%s at %q%s: SRT's is %+v, want one of %q", test.vhosts, test.host, test.query, srt, test.srt)
		}
		if got := services["hls"].Path; got != test.hls {
			t.Errorf("%s at %q%s: the playlist is %s, want %s", test.vhosts, test.host, test.query, got, test.hls)
		}
	}
}

// servicesAt are the services that a page tells of, by their names.
func servicesAt(t *testing.T, s *Server, host, target string) map[string]web.Service {
	t.Helper()
	_, rest, _ := strings.Cut(text(t, siteAt(s, host, target)), `data-services="`)
	list, _, _ := strings.Cut(rest, `"`)
	var services []web.Service
	if err := json.Unmarshal([]byte(html.UnescapeString(list)), &services); err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]web.Service)
	for _, service := range services {
		byName[service.Name] = service
	}
	return byName
}

// TestPagesOfVhostsAreToldApart by those who keep them: a page that is the same is not sent again, and another one is.
func TestPagesOfVhostsAreToldApart(t *testing.T) {
	s := offline(t, configure(t, allOnOne+"vhost film.example { http_remux { enabled on; } } vhost same.example { rtc { enabled on; } }"))
	tag := siteAt(s, "live.example", "/").Header.Get("ETag")
	for host, status := range map[string]int{"live.example": 304, "same.example": 304, "film.example": 200} {
		if got := siteAt(s, host, "/", "If-None-Match: "+tag).StatusCode; got != status {
			t.Errorf("%s: status %d, want %d", host, got, status)
		}
	}
	if res := siteAt(s, "film.example", "/players/js/call.js", "If-None-Match: "+siteAt(s, "live.example", "/players/js/call.js").Header.Get("ETag")); res.StatusCode != 304 {
		t.Errorf("a module is another one for each virtual host: status %d", res.StatusCode)
	}
}

// siteAt asks for something by the name of a host.
func siteAt(s *Server, host, target string, headers ...string) *http.Response {
	req := httptest.NewRequest(http.MethodGet, target, nil)
	req.Host = host
	setHeaders(req, headers)
	w := httptest.NewRecorder()
	s.httpServer(httpPlan{pages: true}, "").Handler.ServeHTTP(w, req)
	return w.Result()
}

func TestPathOfMount(t *testing.T) {
	for mount, want := range map[string]string{
		"[vhost]/[app]/[stream].flv":   "/[app]/[stream].ts",
		"example.com/x/[stream].v.aac": "/x/[stream].v.ts",
	} {
		if got := pathOf(mount, "ts"); got != want {
			t.Errorf("%s: %s, want %s", mount, got, want)
		}
	}
}
