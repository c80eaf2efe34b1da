package server

import (
	"slices"
	"strings"

	"oneport/config"
	"oneport/web"
)

// site tells the pages what is switched on, for them to show nothing that would not work. It speaks of the default virtual
// host: that is the one an address without a name belongs to.
func (s *Server) site(apiPort string) web.Site {
	site := web.Site{APIPort: apiPort}
	add := func(on bool, service web.Service) {
		if on {
			site.Services = append(site.Services, service)
		}
	}
	v := s.config.Vhosts.Find(config.DefaultVhost)
	if v == nil {
		return site
	}
	conf := &v.Settings
	add(conf.RTC.Enabled && s.config.RTC.Enabled, web.Service{Name: "webrtc"})
	for _, c := range containers() {
		add(conf.Remux.Enabled, web.Service{Name: c.extension, Path: pathOf(conf.Remux.Mount, c.extension)})
	}
	add(conf.HLS.Enabled, web.Service{Name: "hls", Path: "/" + conf.HLS.M3U8File, Live: conf.HLS.LowLatency})
	add(conf.DASH.Enabled, web.Service{Name: "dash", Path: "/" + conf.DASH.MPDFile})
	rtmp, rtmps := s.config.rtmpListens()
	add(len(rtmp) > 0, web.Service{Name: "rtmp", Port: s.portFromPages(rtmp)})
	add(len(rtmps) > 0, web.Service{Name: "rtmps", Port: s.portFromPages(rtmps)})
	add(conf.SRT.Enabled && s.config.SRT.Enabled, web.Service{Name: "srt", Port: portOf(s.config.SRT.Listen)})
	return site
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

// pathOf is the path of a mount, in a container.
func pathOf(mount, extension string) string {
	_, path, _ := strings.Cut(mount, "/")
	base, _, _ := cutLast(path, ".")
	return "/" + base + "." + extension
}
