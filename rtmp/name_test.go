package rtmp

import "testing"

// The URLs of srs-compat, as ffmpeg, OBS and Flash's encoder take them apart.
func TestNames(t *testing.T) {
	for _, test := range []struct {
		tcURL, app, stream string
		want               Name
	}{
		{"rtmp://h/live", "live", "livestream", Name{"h", "live", "livestream", ""}},
		{"rtmp://h:1935/live", "live", "livestream?key=a/b+c&x=1", Name{"h", "live", "livestream", "?key=a/b+c&x=1"}},
		{"rtmp://h/live?vhost=v.example", "live?vhost=v.example", "s", Name{"v.example", "live", "s", "?vhost=v.example"}},
		{"rtmp://h/live", "live", "s?vhost=v", Name{"v", "live", "s", "?vhost=v"}},
		{"rtmp://h/live", "live", "s?domain=d", Name{"d", "live", "s", "?domain=d"}},
		{"rtmp://h/live", "live", "s?vhost=v&domain=d", Name{"v", "live", "s", "?vhost=v&domain=d"}},
		{"rtmp://h/live...vhost...v", "live...vhost...v", "s", Name{"v", "live", "s", "?vhost=v"}},
		{"rtmp://h/live/_definst_", "live/_definst_", "s", Name{"h", "live", "s", ""}},
		{"rtmp://h/live", "live", "_definst_/s", Name{"h", "live", "s", ""}},
		{"rtmp://h/live/more", "live/more", "s", Name{"h", "live/more", "s", ""}},
		{"rtmp://h/live", "live", "more/s", Name{"h", "live/more", "s", ""}},
		{"rtmp://h/live?vhost=v/more", "live", "s", Name{"v", "live/more", "s", "?vhost=v"}},
		{"rtmp://h/", "", "s", Name{"h", "__defaultApp__", "s", ""}},
		{"rtmp://h", "", "s", Name{"h", "__defaultApp__", "s", ""}},
		{"rtmp://h?vhost=v", "", "s", Name{"v", "__defaultApp__", "s", "?vhost=v"}},
		{"rtmps://user:pass@h:443/live/", "live", "/s", Name{"h", "live", "s", ""}},
		{"rtmp://[2001:db8::1]:1935/live", "live", "s", Name{"2001:db8::1", "live", "s", ""}},
		{"", "live", "s", Name{"", "live", "s", ""}},
		{"rtmp://h/live/s", "live/s", "", Name{"h", "live", "s", ""}},
		{"rtmp://h/live", "live", "", Name{"h", "live", "", ""}},
		{"rtmp://h/live", "live", "?k=v", Name{"h", "live", "", "?k=v"}},
		{"rtmp://h/live/", "live", "../s", Name{"h", "live/..", "s", ""}}, // refused by whoever looks at names
	} {
		if got := parseName(test.tcURL, test.app, test.stream); got != test.want {
			t.Errorf("%q, %q, %q: %+v, want %+v", test.tcURL, test.app, test.stream, got, test.want)
		}
	}
}

func FuzzName(f *testing.F) {
	f.Add("rtmp://h/live...vhost...v", "live", "s?key=1")
	f.Fuzz(func(t *testing.T, tcURL, app, stream string) {
		if n := parseName(tcURL, app, stream); n.App == "" {
			t.Fatalf("%+v has no application", n)
		}
	})
}
