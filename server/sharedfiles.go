package server

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"oneport/config"
)

// folder is where a virtual host writes the files of a service.
type folder struct {
	setting   string // that says which directory
	path      string
	templates []template // of the files
}

// template is a setting that says how files are named.
type template struct{ setting, text string }

// writes are the directories that a virtual host writes segments to.
func (c *VhostConf) writes() (list []folder) {
	if h := &c.HLS; h.Enabled && h.Path != "" {
		w := folder{"hls_path", filepath.Clean(h.Path), []template{{"hls_m3u8_file", h.M3U8File}}}
		if h.MP4() {
			w.templates = append(w.templates, template{"hls_fmp4_file", h.FMP4File}, template{"hls_init_file", h.InitFile})
		} else {
			w.templates = append(w.templates, template{"hls_ts_file", h.TSFile})
		}
		switch keys := (template{"hls_key_file", h.KeyFile}); {
		case h.Keys && h.KeyFilePath == "":
			w.templates = append(w.templates, keys)
		case h.Keys:
			list = append(list, folder{"hls_key_file_path", filepath.Clean(h.KeyFilePath), []template{keys}})
		}
		list = append(list, w)
	}
	if d := &c.DASH; d.Enabled && d.Path != "" {
		list = append(list, folder{"dash_path", filepath.Clean(d.Path), []template{{"dash_mpd_file", d.MPDFile}}})
	}
	return list
}

// sharedFiles tells of virtual hosts that write the same files where both have a stream of one name. SRS says nothing of it, and
// where they have none it is no fault.
func (c *Config) sharedFiles() (list []string) {
	var before []*config.Vhost[VhostConf]
	for v := range c.Vhosts.All() {
		for _, w := range v.Settings.writes() {
			if other, settings := w.clash(before); other != "" {
				list = append(list, fmt.Sprintf("vhosts %s and %s both have %s %s, where streams of one app and name overwrite and remove each other's files: "+
					"give each vhost a directory of its own, or put [vhost] into %s", other, v.Name, w.setting, w.path, strings.Join(settings, " and ")))
			}
		}
		before = append(before, v)
	}
	return list
}

// clash finds the first virtual host that writes the same files, and the settings that name them.
func (w *folder) clash(others []*config.Vhost[VhostConf]) (other string, settings []string) {
	for _, v := range others {
		for _, o := range v.Settings.writes() {
			if o.setting != w.setting || o.path != w.path {
				continue
			}
			for _, t := range w.templates {
				if !strings.Contains(t.text, "[vhost]") && slices.Contains(o.templates, t) {
					settings = append(settings, t.setting)
				}
			}
		}
		if len(settings) > 0 {
			return v.Name, settings
		}
	}
	return "", nil
}
