package amf

import (
	"bytes"
	"testing"
)

// What is written is read back, and what has another type than is asked for is passed over.
func TestRoundTrip(t *testing.T) {
	b := AppendNull(AppendNumber(AppendText(nil, "connect"), 1))
	b = AppendObject(b, Property{"app", "live"}, Property{"n", 2.5}, Property{"i", 7}, Property{"yes", true}, Property{"list", []string{"a", "b"}})
	b = AppendArray(AppendBool(AppendUndefined(b), false), Property{"x", 1})
	b = AppendText(b, "end")
	r := NewReader(b)
	seen := map[string]any{}
	see := func(name string, v any) { seen[name] = v }
	if r.Text() != "connect" || r.Number() != 1 || r.Value() != nil || !r.Properties(see) || r.Value() != nil || r.Properties(see) || !r.Properties(see) || r.Number() != 0 || r.More() || r.Err() != nil {
		t.Errorf("read back %v, %v", seen, r.Err())
	}
	if len(seen) != 6 || seen["app"] != "live" || seen["n"] != 2.5 || seen["i"] != 7.0 || seen["yes"] != true || seen["list"] != nil || seen["x"] != 1.0 {
		t.Errorf("the properties are %v", seen)
	}
}

// Nesting and counts have bounds that bytes do not move.
func TestBombs(t *testing.T) {
	for name, b := range map[string][]byte{
		"depth":       bytes.Repeat([]byte{object, 0, 1, 'a'}, maxDepth+1),
		"array depth": bytes.Repeat([]byte{strictArray, 0, 0, 0, 1}, maxDepth+1),
		"length":      {strictArray, 255, 255, 255, 255, null},
		"long text":   {longText, 255, 255, 255, 255, 1},
		"text":        {text, 255, 255, 1},
		"marker":      {77},
		"nothing":     {},
	} {
		r := NewReader(b)
		if r.Value(); r.Err() == nil || r.More() {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(AppendObject(nil, Property{"list", []string{"a"}}))
	f.Add(bytes.Repeat([]byte{ecmaArray, 0, 0, 0, 9, 0, 1, 'a'}, 20))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(b)
		for r.More() {
			left := len(r.b)
			if r.Properties(func(string, any) {}); len(r.b) >= left {
				t.Fatal("nothing is taken")
			}
		}
	})
}
