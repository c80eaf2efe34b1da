package sdp

import "testing"

// offered reads the plain offer with the changes that the pairs say.
func offered(t *testing.T, pairs ...string) *Offer {
	t.Helper()
	o, err := ParseOffer(change(t, pairs...))
	if err != nil {
		t.Fatal(err)
	}
	return o
}
