package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// load loads a text that must be right.
func load(t *testing.T, text string, environ ...string) (root, *Report) {
	t.Helper()
	var c root
	report, err := Load(Input{Source: Source{Path: "f", Text: []byte(text)}, Environ: environ}, &c)
	if err != nil {
		t.Fatal(err)
	}
	return c, report
}

func TestPrecedence(t *testing.T) {
	const file = "rtc_server { listen 1; } vhost a { rtc { stun_timeout 1; } } vhost b { rtc { enabled on; } } vhost c {}"
	const none = "vhost a {}"
	for _, c := range []struct {
		name, file string
		environ    []string
		want       int
	}{
		{"default", none, nil, 8000},
		{"file", file, nil, 1},
		{"environment before file", file, []string{"SRS_RTC_SERVER_LISTEN=2"}, 2},
		{"environment before default", none, []string{"SRS_RTC_SERVER_LISTEN=2"}, 2},
		{"empty is unset", file, []string{"SRS_RTC_SERVER_LISTEN="}, 1},
		{"a directive without a value", "rtc_server { listen; }", nil, 8000},
		{"first wins", "rtc_server { listen 1; listen 2; }", nil, 1},
		{"first section wins", "rtc_server { enabled on; } rtc_server { listen 2; }", nil, 8000},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := load(t, c.file, c.environ...)
			if got.RTCServer.Listen != c.want {
				t.Errorf("listen is %d, not %d", got.RTCServer.Listen, c.want)
			}
		})
	}
	got, _ := load(t, file, "SRS_VHOST_RTC_STUN_TIMEOUT=2.5")
	for h := range got.Vhosts.All() {
		if h.Settings.RTC.StunTimeout != 2500*time.Millisecond {
			t.Errorf("the environment does not reach virtual host %s: %v", h.Name, h.Settings.RTC.StunTimeout)
		}
	}
}

func TestSwitches(t *testing.T) {
	for _, c := range []struct {
		value       string
		byOff, byOn bool // what it makes of a switch that is off, and of one that is on by default
		warnings    int
	}{
		{"on", true, true, 0},
		{"off", false, false, 0},
		{"ON", false, true, 2},
		{"true", false, true, 2},
		{"0", false, true, 2},
	} {
		want := []bool{c.byOff, c.byOn}
		got, report := load(t, "http_api { enabled "+c.value+"; crossdomain "+c.value+"; }")
		if g := []bool{got.HTTPAPI.Enabled, got.HTTPAPI.CrossDomain}; !slices.Equal(g, want) || len(report.Warnings.List) != c.warnings {
			t.Errorf("file %s: %v, not %v; %v", c.value, g, want, &report.Warnings)
		}
		got, report = load(t, "vhost a {}", "SRS_HTTP_API_ENABLED="+c.value, "SRS_HTTP_API_CROSSDOMAIN="+c.value)
		if g := []bool{got.HTTPAPI.Enabled, got.HTTPAPI.CrossDomain}; !slices.Equal(g, want) || len(report.Warnings.List) != c.warnings {
			t.Errorf("environment %s: %v, not %v; %v", c.value, g, want, &report.Warnings)
		}
	}
}

func TestCandidateVariable(t *testing.T) {
	for _, c := range []struct {
		name, file string
		environ    []string
		want       []string
	}{
		{"default", "vhost a {}", nil, []string{"*"}},
		{"set", "rtc_server { candidate $CANDIDATE; }", []string{"CANDIDATE=1.2.3.4"}, []string{"1.2.3.4"}},
		{"several in one variable", "rtc_server { candidate $CANDIDATE; }", []string{"CANDIDATE=1.2.3.4 ::1"}, []string{"1.2.3.4", "::1"}},
		{"unset", "rtc_server { candidate $CANDIDATE; }", nil, []string{"*"}},
		{"blank", "rtc_server { candidate $CANDIDATE; }", []string{"CANDIDATE= "}, []string{"*"}},
		{"plain and variable", "rtc_server { candidate 5.6.7.8 $X; }", []string{"X=1.2.3.4"}, []string{"5.6.7.8", "1.2.3.4"}},
		{"environment first", "rtc_server { candidate $X; }", []string{"X=1.2.3.4", "SRS_RTC_SERVER_CANDIDATE=a b"}, []string{"a", "b"}},
		{"variable in the environment", "vhost a {}", []string{"X=1.2.3.4", "SRS_RTC_SERVER_CANDIDATE=$X"}, []string{"1.2.3.4"}},
	} {
		got, _ := load(t, c.file, c.environ...)
		if !slices.Equal(got.RTCServer.Candidate, c.want) {
			t.Errorf("%s: %q, not %q", c.name, got.RTCServer.Candidate, c.want)
		}
	}
	// Elsewhere a dollar is a dollar.
	if got, _ := load(t, "http_api { listen $X; }", "X=1"); got.HTTPAPI.Listen != "$X" {
		t.Errorf("http_api.listen is %q", got.HTTPAPI.Listen)
	}
}

func TestBothSpellingsOfHTTPS(t *testing.T) {
	type https struct {
		Enabled bool `conf:"enabled"`
		Listen  int  `conf:"listen" default:"8088"`
	}
	type server struct {
		HTTPS https `conf:"https"`
	}
	for _, c := range []struct {
		environ []string
		want    https
	}{
		{nil, https{false, 8088}},
		{[]string{"SRS_HTTP_SERVER_HTTTPS_ENABLED=on", "SRS_HTTP_SERVER_HTTTPS_LISTEN=1"}, https{true, 1}},
		{[]string{"SRS_HTTP_SERVER_HTTPS_ENABLED=on", "SRS_HTTP_SERVER_HTTPS_LISTEN=2"}, https{true, 2}},
		{[]string{"SRS_HTTP_SERVER_HTTTPS_LISTEN=1", "SRS_HTTP_SERVER_HTTPS_LISTEN=2"}, https{false, 2}},
		{[]string{"SRS_HTTP_SERVER_HTTTPS_LISTEN=1", "SRS_HTTP_SERVER_HTTPS_LISTEN="}, https{false, 1}},
	} {
		var root struct {
			Server server `conf:"http_server"`
		}
		report, err := Load(Input{Environ: c.environ, EnvOnly: true}, &root)
		if err != nil || root.Server.HTTPS != c.want || len(report.Unread) > 0 {
			t.Errorf("%v: %+v, not %+v; %v, %v", c.environ, root.Server.HTTPS, c.want, err, report.Unread)
		}
	}
}

func TestEnvNames(t *testing.T) {
	for path, want := range map[string][]string{
		"listen":                   {"SRS_LISTEN"},
		"rtc_server.tcp.listen":    {"SRS_RTC_SERVER_TCP_LISTEN"},
		"vhost.hls.hls_fragment":   {"SRS_VHOST_HLS_HLS_FRAGMENT"},
		"http_server.https.listen": {"SRS_HTTP_SERVER_HTTPS_LISTEN", "SRS_HTTP_SERVER_HTTTPS_LISTEN"},
		"srs_log_tank":             {"SRS_SRS_LOG_TANK", "SRS_LOG_TANK"},
		"chunk_size":               {"SRS_CHUNK_SIZE", "SRS_VHOST_CHUNK_SIZE"},
		"vhost.chunk_size":         {"SRS_VHOST_CHUNK_SIZE"},
		"vhost.srt.srt_to_rtmp":    {"SRS_VHOST_SRT_SRT_TO_RTMP", "SRS_VHOST_SRT_TO_RTMP"},
	} {
		if got := envNames(strings.Split(path, ".")); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, not %v", path, got, want)
		}
	}
}

func TestLocate(t *testing.T) {
	for _, c := range []struct {
		environ []string
		path    string
		envOnly bool
		want    string
		wantEnv bool
	}{
		{nil, "", false, "", false},
		{nil, "a.conf", false, "a.conf", false},
		{[]string{"SRS_CONFIG_FILE=b.conf"}, "a.conf", false, "b.conf", false},
		{[]string{"SRS_CONFIG_FILE="}, "a.conf", false, "a.conf", false},
		{[]string{"SRS_CONFIG_FILE=b.conf"}, "a.conf", true, "", true},
		{[]string{"SRS_ENV_ONLY=on"}, "a.conf", false, "", true},
		{[]string{"SRS_ENV_ONLY=off"}, "a.conf", false, "a.conf", false},
	} {
		if got, env := Locate(c.environ, c.path, c.envOnly); got != c.want || env != c.wantEnv {
			t.Errorf("%v, %s: %q, %v", c.environ, c.path, got, env)
		}
	}
}

func TestEnvOnly(t *testing.T) {
	var c root
	report, err := Load(Input{
		Source: Source{Path: "f", Text: []byte("nonsense {")}, EnvOnly: true,
		Environ: []string{"SRS_VHOST_RTC_ENABLED=on", "SRS_HTTP_API_ENABLED=on", "SRS_ENV_ONLY=on", "SRS_CONFIG_FILE=x"},
	}, &c)
	if err != nil || len(report.Unread) > 0 {
		t.Fatal(err, report.Unread)
	}
	h := c.Vhosts.Find("any")
	if h == nil || h.Name != DefaultVhost || !h.Settings.RTC.Enabled || !c.HTTPAPI.Enabled || c.HTTPAPI.Listen != "1985" {
		t.Errorf("%+v, %+v", h, c.HTTPAPI)
	}
}
