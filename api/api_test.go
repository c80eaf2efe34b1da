package api

import (
	"encoding/json"
	"testing"
)

// The shapes are SRS's: names, order, and null where there is nothing to tell. Clients compare them to the letter.
func TestShapes(t *testing.T) {
	envelope := Envelope{Server: "vid-1", Service: "s", Pid: "7"}
	const head = `{"code":0,"server":"vid-1","service":"s","pid":"7"`
	for _, test := range []struct {
		name string
		v    any
		want string
	}{
		{"nothing but success", envelope, head + `}`},
		{"failure", Failure{Code: BadRequest}, `{"code":400}`},
		{"failure with a reason", Failure{Code: ClientNotFound, Reason: "gone"}, `{"code":2049,"reason":"gone"}`},
		{"publish and play", RTCReply{Envelope: envelope, SDP: "v=0\r\n", SessionID: "a:b"}, head + `,"sdp":"v=0\r\n","sessionid":"a:b"}`},
		{"versions", VersionReply{Envelope: envelope, Data: Version{Major: 1, Minor: 2, Revision: 3, Version: "1.2.3"}},
			head + `,"data":{"major":1,"minor":2,"revision":3,"version":"1.2.3"}}`},
		{"urls", URLsReply{Envelope: envelope, URLs: map[string]string{"clients": "x"}}, head + `,"urls":{"clients":"x"}}`},
		{"a stream that nobody publishes", StreamReply{Envelope: envelope}, head + `,"stream":{"id":"","name":"","vhost":"","app":"","tcUrl":"","url":"",` +
			`"live_ms":0,"clients":0,"frames":0,"send_bytes":0,"recv_bytes":0,"kbps":{"recv_30s":0,"send_30s":0},"publish":{"active":false},"video":null,"audio":null}}`},
		{"no streams", StreamsReply{Envelope: envelope, Streams: []Stream{}}, head + `,"streams":[]}`},
		{"no clients", ClientsReply{Envelope: envelope, Clients: []Client{}}, head + `,"clients":[]}`},
		{"video", Video{Codec: "H264", Profile: "High", Level: "3.1", Width: 2, Height: 1}, `{"codec":"H264","profile":"High","level":"3.1","width":2,"height":1}`},
		{"audio", Audio{Codec: "Opus", SampleRate: 48000, Channel: 2}, `{"codec":"Opus","sample_rate":48000,"channel":2,"profile":""}`},
		{"a publisher", Publish{Active: true, CID: "c"}, `{"active":true,"cid":"c"}`},
		{"a client", ClientReply{Envelope: envelope, Client: Client{Type: "rtc-play"}}, head + `,"client":{"id":"","vhost":"","stream":"","ip":"","pageUrl":"","swfUrl":"",` +
			`"tcUrl":"","url":"","name":"","type":"rtc-play","publish":false,"alive":0,"send_bytes":0,"recv_bytes":0,"kbps":{"recv_30s":0,"send_30s":0},` +
			`"transport":"","local":"","remote":"","rtt_ms":0,"srtp":"","lag_ms":0,"skips":0,"skipped_packets":0,"packets":0,"lost":0,"resent":0,"withheld":0,"oversized":0,"refused":0,"sessionid":""}}`},
	} {
		got, err := json.Marshal(test.v)
		if err != nil || string(got) != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

// The request is read as SRS's pages write it, also with fields that are null or that nobody knows.
func TestRequest(t *testing.T) {
	var r RTCRequest
	text := `{"api":"http://h:1985/rtc/v1/play/","tid":"1a2b","streamurl":"webrtc://h/live/show","clientip":null,"sdp":"v=0\r\n","more":[1]}`
	if err := json.Unmarshal([]byte(text), &r); err != nil || r.StreamURL != "webrtc://h/live/show" || r.SDP != "v=0\r\n" || r.ClientIP != nil || r.TID != "1a2b" {
		t.Errorf("%+v, %v", r, err)
	}
}
