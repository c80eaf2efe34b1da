package server

import (
	"net/http"
	"path"

	"oneport/config"
)

// What is said of a path that nothing serves because it is switched off.
var (
	errHLSOff   = statusError{http.StatusNotFound, "HLS is off for this virtual host (hls.enabled)"}
	errDASHOff  = statusError{http.StatusNotFound, "DASH is off for this virtual host (dash.enabled)"}
	errRemuxOff = statusError{http.StatusNotFound, "streams by HTTP are off for this virtual host (http_remux.enabled)"}
)

// switchedOff says what would have to be switched on for a path to be that of a stream; nil if nothing would help.
func switchedOff(extension string, c *VhostConf) error {
	switch {
	case extension == ".m3u8" && !c.HLS.Enabled:
		return errHLSOff
	case extension == ".mpd" && !c.DASH.Enabled:
		return errDASHOff
	case len(extension) > 1 && containerOf(extension[1:]) != nil && !c.Remux.Enabled:
		return errRemuxOff
	}
	return nil
}

// switches tells those who ask for streams by something that is off: no page has such a name.
func (s *Server) switches(w http.ResponseWriter, r *http.Request, _ string, v *config.Vhost[VhostConf]) bool {
	err := switchedOff(path.Ext(r.URL.Path), &v.Settings)
	if err == nil {
		return false
	}
	s.stats.refused.Add(1)
	refuse(w, err)
	return true
}
