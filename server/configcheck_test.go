package server

import (
	"strings"
	"testing"

	"oneport/config"
)

// loaded reads a configuration and returns what is said against it, and the warnings.
func loaded(text string, environ ...string) (refusal string, warnings []string) {
	var c Config
	report, err := config.Load(config.Input{Source: config.Source{Path: "test", Text: []byte(text)}, Environ: environ}, &c)
	if err != nil {
		return err.Error(), nil
	}
	for _, w := range report.Warnings.List {
		warnings = append(warnings, w.Error())
	}
	return "", append(warnings, c.Warnings()...)
}

// What can't work is refused at the start, with the place, what is wrong, and the variable that sets it where there is no place.
func TestRefusals(t *testing.T) {
	const on = "http_api { enabled on; } vhost __defaultVhost__ { rtc { enabled on; } }\n"
	for _, test := range []struct {
		text    string
		environ []string
		want    []string // empty: it is good
	}{
		{text: on + "rtc_server { candidate 192.168.1.300; }", want: []string{"test:2:24", "rtc_server.candidate", `"192.168.1.300"`, "SRS_RTC_SERVER_CANDIDATE"}},
		{text: on + "rtc_server { candidate 224.0.0.1; }", want: []string{"test:2:24", "clients can reach"}},
		{text: on + "rtc_server { candidate $CANDIDATE; }", environ: []string{"CANDIDATE=203.0.113.5 10.0.0.1"},
			want: []string{"environment: CANDIDATE:", "rtc_server.candidate", "203.0.113.5 10.0.0.1"}},
		{text: on, environ: []string{"SRS_RTC_SERVER_CANDIDATE=a b"}, want: []string{"environment: SRS_RTC_SERVER_CANDIDATE:", "a b"}},
		{text: on + "rtc_server { candidate $CANDIDATE; }", environ: []string{"CANDIDATE= 203.0.113.5\t"}},
		{text: on + "rtc_server { candidate media.example:4000; }"},
		{text: on + "rtc_server { candidate ::; }"},

		{text: "http_api { enabled on; listen 127.0.0.1:8080; } http_server { enabled on; listen 8080; }", want: []string{"http_api.listen", "http_server.listen", "8080", "SRS_HTTP_"}},
		{text: "listen 8080 127.0.0.1:8080;", want: []string{"listen", "8080", "127.0.0.1:8080"}},
		{text: "http_api { enabled on; listen 127.0.0.1:8080; } http_server { enabled on; listen 127.0.0.2:8080; }"},
		{text: "http_api { enabled on; listen 0.0.0.0:8080; } http_server { enabled on; listen 8080; }"},
		{text: on + "rtc_server { enabled on; listen 9000; } srt_server { enabled on; listen 9000; }", want: []string{"rtc_server.listen", "srt_server.listen", "UDP", "9000"}},
		{text: on + "rtc_server { enabled on; listen 9000; } srt_server { enabled on; listen 127.0.0.1:9000; }", want: []string{"rtc_server.listen", "srt_server.listen", "SRS_SRT_SERVER_LISTEN", "SRS_RTC_SERVER_LISTEN"}},
		{text: on + "rtc_server { enabled on; listen 9000; protocol tcp; tcp { enabled on; } } srt_server { enabled on; listen 9000; }"},
		{text: on + "rtc_server { enabled on; listen 1985; } "},

		{text: "vhost __defaultVhost__ { }", want: []string{"nothing is switched on", "SRS_HTTP_API_ENABLED"}},
		{text: "rtmp { enabled off; } listen 1935;", want: []string{"nothing is switched on"}},
		{text: "listen 1935;"},

		{text: on + "max_connections 0;", want: []string{"test:2:17", "max_connections", "greater than 0", "SRS_MAX_CONNECTIONS"}},
		{text: on + "max_connections -1;", want: []string{"max_connections"}},
		{text: on + "max_waiting_per_address 0;", want: []string{"max_waiting_per_address"}},
		{text: on + "rtc_server { max_sessions 0; }", want: []string{"rtc_server.max_sessions`"}},
		{text: on, environ: []string{"SRS_RTC_SERVER_MAX_STREAMS=-1"}, want: []string{"environment: SRS_RTC_SERVER_MAX_STREAMS:"}},
		{text: on + "rtc_server { max_sessions_per_address -4; }", want: []string{"rtc_server.max_sessions_per_address"}},
		{text: "http_api { enabled on; }\nvhost a { rtc { stun_timeout 0; } }", want: []string{"test:2:30", "stun_timeout", "greater than 0"}},
		{text: "http_api { enabled on; }\nvhost a { rtc { stun_timeout -5; } }", want: []string{"stun_timeout"}},

		{text: "http_server { https { enabled on; } }", want: []string{"or this off", "SRS_HTTP_SERVER_HTTPS_ENABLED"}},
		{text: "http_api { https { enabled on; } }", want: []string{"or this off", "SRS_HTTP_API_HTTPS_ENABLED"}},
	} {
		got, _ := loaded(test.text, test.environ...)
		if len(test.want) == 0 && got != "" {
			t.Errorf("%s: %s", test.text, got)
		}
		for _, want := range test.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s %v: no %q in %q", test.text, test.environ, want, got)
			}
		}
	}
}

// What is probably not meant is warned of.
func TestDoubts(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"http_api { enabled on; }", "vhost __defaultVhost__"},
		{"http_api { enabled on; } vhost __defaultVhost__ { }", ""},
		{"http_api { enabled on; } vhost tv { }", ""},
		{"http_api { enabled on; } vhost __defaultVhost__ {\nhls { hls_acodec copy; } }", "test:2:18: `vhost.hls.hls_acodec`: `copy` is none of aac, mp3, an"},
		{"http_api { enabled on; } vhost __defaultVhost__ {\nhls { hls_vcodec av1; } }", "test:2:18: `vhost.hls.hls_vcodec`: `av1` is none of h264, h265, vn"},
	} {
		refusal, warnings := loaded(test.text)
		all := strings.Join(warnings, "\n")
		if refusal != "" || len(warnings) > 1 || (len(warnings) == 1) != (test.want != "") || !strings.Contains(all, test.want) {
			t.Errorf("%s: %s%s, want a warning with %q", test.text, refusal, all, test.want)
		}
	}
	var none Config
	report, err := config.Load(config.Input{Source: config.Source{Path: "test", Text: []byte("http_api { enabled on; }")},
		Environ: []string{"SRS_VHOST_RTC_ENABLED=on", "SRS_VHOST_DVR_ENABLED=on"}}, &none)
	if err != nil || len(report.Unread) != 2 || !strings.Contains(report.Unread[0].String(), "DVR_ENABLED is not supported") ||
		!strings.Contains(report.Unread[1].String(), "RTC_ENABLED is ignored, for there is no virtual host") {
		t.Errorf("%v, %v", report.Unread, err)
	}
	c := configure(t, "http_api { enabled on; } vhost a { hls { hls_acodec copy; hls_vcodec vn; } }")
	if h := c.Vhosts.Find("a").Settings.HLS; h.ACodec != "aac" || h.VCodec != "vn" {
		t.Errorf("the codecs are %s and %s", h.ACodec, h.VCodec)
	}
}
