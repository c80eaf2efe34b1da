package rtmp

import "oneport/amf"

// command is a message of AMF0: what it asks for, its number, and what follows.
type command struct {
	name string
	id   float64
	args amf.Reader
}

// parseCommand reads the beginning of a command. AMF3 is AMF0 behind a byte of 0 for all that clients send.
func parseCommand(m Message) (c command, err error) {
	body := m.Body
	if m.Type == typeCommandAMF3 && len(body) > 0 {
		body = body[1:]
	}
	c.args = amf.NewReader(body)
	c.name, c.id = c.args.Text(), c.args.Number()
	return c, c.args.Err()
}

// target is what connect says.
type target struct {
	tcURL, app, pageURL, swfURL, flashVersion string
	encoding                                  float64
	enhanced                                  bool // it knows of FourCC
}

func (t *target) set(name string, value any) {
	if name == "fourCcList" {
		t.enhanced = true
	}
	if v, ok := value.(float64); ok && name == "objectEncoding" {
		t.encoding = v
	}
	s, ok := value.(string)
	if !ok {
		return
	}
	switch name {
	case "app":
		t.app = s
	case "tcUrl":
		t.tcURL = s
	case "pageUrl":
		t.pageURL = s
	case "swfUrl":
		t.swfURL = s
	case "flashVer":
		t.flashVersion = s
	}
}

// fourCCs are the codecs that Enhanced RTMP may carry here.
var fourCCs = [...]string{"avc1", "hvc1", "av01", "vp09", "mp4a", "Opus"}

// begin is the beginning of an answer.
func begin(name string, id float64) []byte {
	return amf.AppendNull(amf.AppendNumber(amf.AppendText(nil, name), id))
}

// connected answers connect.
func connected(t *target, id float64) []byte {
	server := []amf.Property{{Name: "fmsVer", Value: "FMS/3,5,3,888"}, {Name: "capabilities", Value: 127}, {Name: "mode", Value: 1}}
	if t.enhanced {
		server = append(server, amf.Property{Name: "fourCcList", Value: fourCCs[:]})
	}
	b := amf.AppendNumber(amf.AppendText(nil, "_result"), id)
	b = amf.AppendObject(b, server...)
	return amf.AppendObject(b,
		amf.Property{Name: "level", Value: "status"},
		amf.Property{Name: "code", Value: "NetConnection.Connect.Success"},
		amf.Property{Name: "description", Value: "Connection succeeded"},
		amf.Property{Name: "objectEncoding", Value: t.encoding})
}

// Codes of what a client is told about its stream.
const (
	PublishStart     = "NetStream.Publish.Start"
	PublishBadName   = "NetStream.Publish.BadName" // somebody else publishes it, or nobody may
	UnpublishSuccess = "NetStream.Unpublish.Success"
	PlayReset        = "NetStream.Play.Reset"
	PlayStart        = "NetStream.Play.Start"
	PlayNotFound     = "NetStream.Play.StreamNotFound"
	PlayFailed       = "NetStream.Play.Failed"
	PlayUnpublished  = "NetStream.Play.UnpublishNotify"
)
