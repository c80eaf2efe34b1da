package server

import (
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
	return site
}

// pathOf is the path of a mount, in a container.
func pathOf(mount, extension string) string {
	_, path, _ := strings.Cut(mount, "/")
	base, _, _ := cutLast(path, ".")
	return "/" + base + "." + extension
}
