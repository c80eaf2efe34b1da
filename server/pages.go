package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"oneport/config"
	"oneport/web"
)

// pages serves them as they are for the virtual host that a request is for, as a client that joins from there has it. Where
// there is none, they tell of what any of them has: which one it is for is said by an address, then.
func (s *Server) pages(apiPort string) http.Handler {
	pages := web.Load()
	made := make(map[string]http.Handler) // by what they tell: most virtual hosts have the same
	handler := func(vhosts ...*config.Vhost[VhostConf]) http.Handler {
		site := s.site(apiPort, vhosts...)
		key := fmt.Sprintf("%#v", site)
		if made[key] == nil {
			made[key] = pages.Handler(site)
		}
		return made[key]
	}
	var all []*config.Vhost[VhostConf]
	own := make(map[string]http.Handler)
	for v := range s.config.Vhosts.All() {
		if v.Enabled {
			all = append(all, v)
			own[v.Name] = handler(v)
		}
	}
	anywhere := handler(all...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := anywhere
		if v := s.config.Vhosts.Find(vhostAsked(r, looseQuery(r.URL.RawQuery))); v != nil {
			h = own[v.Name]
		}
		h.ServeHTTP(w, r)
	})
}

// offer is a service that is on or off.
type offer struct {
	on bool
	web.Service
}

// site tells the pages what is switched on, for them to show nothing that would not work: what the first of the virtual hosts
// has that has it at all.
func (s *Server) site(apiPort string, vhosts ...*config.Vhost[VhostConf]) web.Site {
	var offers []offer
	for _, v := range vhosts {
		name := v.Name
		if len(vhosts) > 1 {
			name = "" // which one it is for is not known
		}
		own := s.offers(name, &v.Settings)
		if offers == nil {
			offers = own
		}
		for i := range offers {
			if !offers[i].on {
				offers[i] = own[i]
			}
		}
	}
	site := web.Site{APIPort: apiPort}
	for _, o := range offers {
		if o.on {
			site.Services = append(site.Services, o.Service)
		}
	}
	return site
}

// offers are all the services, in the order in which they are told. The virtual host's name is empty where an address says it.
func (s *Server) offers(vhost string, conf *VhostConf) (list []offer) {
	add := func(on bool, service web.Service) { list = append(list, offer{on, service}) }
	add(conf.RTC.Enabled && s.config.RTC.Enabled, web.Service{Name: "webrtc"})
	for _, c := range containers() {
		add(conf.Remux.Enabled, web.Service{Name: c.extension, Path: pathOf(conf.Remux.Mount, c.extension)})
	}
	add(conf.HLS.Enabled, web.Service{Name: "hls", Path: pathFor(vhost, conf.HLS.M3U8File), Live: conf.HLS.LowLatency})
	add(conf.DASH.Enabled, web.Service{Name: "dash", Path: pathFor(vhost, conf.DASH.MPDFile)})
	rtmp, rtmps := s.config.rtmpListens()
	add(len(rtmp) > 0, web.Service{Name: "rtmp", Port: s.portFromPages(rtmp)})
	add(len(rtmps) > 0, web.Service{Name: "rtmps", Port: s.portFromPages(rtmps)})
	srt := web.Service{Name: "srt", Port: portOf(s.config.SRT.Listen), Vhost: vhost}
	if vhost == config.DefaultVhost {
		srt.Vhost = ""
	}
	add(conf.SRT.Enabled && s.config.SRT.Enabled, srt)
	return list
}

// portFromPages is the port of a service as a page has to name it: empty where the page has come by it, whichever page that
// is. Then it is right behind a container's or a router's mapping, too.
func (s *Server) portFromPages(listens []string) string {
	pages := []string{s.config.HTTPServer.Listen}
	if s.config.HTTPServer.HTTPS.Enabled {
		_, secure := s.config.httpsListens()
		pages = append(pages, secure...)
	}
	for _, listen := range listens {
		if !slices.ContainsFunc(pages, func(page string) bool { return portOf(page) != portOf(listen) }) {
			return ""
		}
	}
	if len(listens) == 0 {
		return ""
	}
	return portOf(listens[0])
}

// pathFor is the path of a file of HLS or DASH, of any stream of a virtual host.
func pathFor(vhost, file string) string {
	if vhost != "" {
		file = strings.ReplaceAll(file, "[vhost]", vhost)
	}
	return "/" + file
}

// pathOf is the path of a mount, in a container.
func pathOf(mount, extension string) string {
	_, path, _ := strings.Cut(mount, "/")
	base, _, _ := cutLast(path, ".")
	return "/" + base + "." + extension
}
