package server

import (
	"strings"
	"testing"
)

// Virtual hosts that write the same files are told at the start, with what to do about it; nobody else is.
func TestSharedFilesAreTold(t *testing.T) {
	const a, b = "vhost a { hls { enabled on; hls_path /srv/hls; } } ", "vhost b { hls { enabled on; hls_path /srv/hls/; } } "
	with := func(text, more string) string { return strings.Replace(text, "hls_path", more+" hls_path", 1) }
	named := "hls_m3u8_file [vhost]/[app]/[stream].m3u8; hls_ts_file [vhost]/[app]/[stream]-[seq].ts;"
	for _, test := range []struct {
		name, text string
		environ    []string
		says       []string // nil: nothing
		not        string
	}{
		{name: "one", text: a},
		{name: "both", text: a + b, says: []string{"vhosts a and b", "hls_path /srv/hls,", "[vhost] into hls_m3u8_file and hls_ts_file"}},
		{name: "in memory", text: "vhost a { hls { enabled on; } } vhost b { hls { enabled on; } }"},
		{name: "two directories", text: a + strings.Replace(b, "/srv/hls/", "/srv/other", 1)},
		{name: "one named by its vhost", text: a + with(b, named)},
		{name: "both named by their vhosts", text: with(a, named) + with(b, named)},
		{name: "playlists alone are", text: with(a, strings.SplitAfter(named, ";")[0]) + with(b, strings.SplitAfter(named, ";")[0]),
			says: []string{"[vhost] into hls_ts_file"}, not: "hls_m3u8_file"},
		{name: "MP4", text: with(a, "hls_use_fmp4 on;") + with(b, "hls_use_fmp4 on;"), says: []string{"hls_fmp4_file and hls_init_file"}, not: "hls_ts_file"},
		{name: "keys", text: with(a, "hls_keys on;") + with(b, "hls_keys on;"), says: []string{"hls_key_file"}},
		{name: "keys elsewhere", text: with(a, named+"hls_keys on; hls_key_file_path /keys;") + with(b, named+"hls_keys on; hls_key_file_path /keys;"),
			says: []string{"hls_key_file_path /keys,", "[vhost] into hls_key_file"}},
		{name: "DASH", text: "vhost a { dash { enabled on; dash_path /x; } } vhost b { dash { enabled on; dash_path /x; } }",
			says: []string{"vhosts a and b", "dash_path /x,", "[vhost] into dash_mpd_file"}},
		{name: "the environment, for one", text: "vhost a { hls { enabled on; } } vhost b { rtc { enabled on; } }", environ: []string{"SRS_VHOST_HLS_HLS_PATH=/srv/hls"}},
		{name: "the environment, for both", text: "vhost a { hls { enabled on; } } vhost b { hls { enabled on; } }", environ: []string{"SRS_VHOST_HLS_HLS_PATH=/srv/hls"},
			says: []string{"vhosts a and b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := configure(t, allOnOne+test.text, test.environ...)
			list := c.Warnings()
			if len(test.says) == 0 {
				if len(list) > 0 {
					t.Error(list)
				}
				return
			}
			if len(list) != 1 {
				t.Fatal(list)
			}
			for _, want := range test.says {
				if !strings.Contains(list[0], want) {
					t.Errorf("%q is missing in %q", want, list[0])
				}
			}
			if test.not != "" && strings.Contains(list[0], test.not) {
				t.Errorf("%q is in %q", test.not, list[0])
			}
		})
	}
}
