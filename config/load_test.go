package config

import (
	"os"
	"reflect"
	"testing"
	"time"
)

func dockerConf(t *testing.T) Source {
	t.Helper()
	text, err := os.ReadFile("testdata/docker.conf")
	if err != nil {
		t.Fatal(err)
	}
	return Source{Path: "docker.conf", Text: text}
}

// The first announced recipe: environment on top of the Docker image's file.
func TestRecipeOne(t *testing.T) {
	var c root
	report, err := Load(Input{Source: dockerConf(t), Environ: []string{
		"CANDIDATE=192.0.2.7",
		"SRS_HTTP_API_LISTEN=8080",
		"SRS_RTC_SERVER_TCP_ENABLED=on",
		"SRS_RTC_SERVER_TCP_LISTEN=8080",
		"SRS_RTC_SERVER_PROTOCOL=tcp",
		"SRS_DAEMON=off", "SRS_IN_DOCKER=on",
	}}, &c)
	if err != nil {
		t.Fatal(err)
	}
	if !c.HTTPAPI.Enabled || c.HTTPAPI.Listen != "8080" || !c.HTTPServer.Enabled || c.HTTPServer.Listen != "8080" {
		t.Errorf("API and server are not both on 8080: %+v, %+v", c.HTTPAPI, c.HTTPServer)
	}
	want := rtcServer{Enabled: true, Listen: 8000, TCP: rtcTCP{Enabled: true, Listen: 8080}, Protocol: "tcp", Candidates: Candidates{Candidate: []string{"192.0.2.7"}}}
	if !reflect.DeepEqual(c.RTCServer, want) {
		t.Errorf("rtc_server is %+v, not %+v", c.RTCServer, want)
	}
	if h := c.Vhosts.Find("example.com"); h == nil || h.Name != DefaultVhost || !h.Settings.RTC.Enabled || h.Settings.RTC.StunTimeout != 30*time.Second {
		t.Errorf("the default virtual host is %+v", h)
	}
	if len(report.Unread) > 0 {
		t.Errorf("unread: %v", report.Unread)
	}
}
