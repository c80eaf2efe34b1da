package server

import (
	"slices"
	"testing"

	"oneport/config"
)

// TestSite: the pages are told of what is switched on, and of nothing else.
func TestSite(t *testing.T) {
	names := func(text string) (list []string) {
		conf := new(Config)
		in := config.Input{Source: config.Source{Path: "test.conf", Text: []byte("http_api { enabled on; } " + text)}}
		if _, err := config.Load(in, conf); err != nil {
			t.Fatal(err)
		}
		site := (&Server{config: conf}).site("1985")
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
		"vhost __defaultVhost__ {}":                                                                                              nil,
		"vhost other { http_remux { enabled on; } }":                                                                             nil,
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
