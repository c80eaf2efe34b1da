package dtls

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

func TestNewCertificate(t *testing.T) {
	for _, k := range []KeyType{ECDSA, RSA} {
		c := certify(t, k)
		x, err := x509.ParseCertificate(c.tls.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		if x.Subject.CommonName != "oneport" || time.Until(x.NotAfter) < 300*24*time.Hour || x.NotBefore.After(time.Now()) {
			t.Errorf("the certificate is for %q, from %v to %v", x.Subject.CommonName, x.NotBefore, x.NotAfter)
		}
		if err := x.CheckSignature(x.SignatureAlgorithm, x.RawTBSCertificate, x.Signature); err != nil {
			t.Errorf("the certificate is not signed by its own key: %v", err)
		}
		if f := c.Fingerprint(); f.Hash != "sha-256" || len(f.Value) != 95 || strings.ToUpper(f.Value) != f.Value {
			t.Errorf("the fingerprint is %q", f)
		}
	}
	if _, err := NewCertificate(9); err == nil {
		t.Error("an unknown key type gives a certificate")
	}
}

func TestFingerprint(t *testing.T) {
	der := []byte("certificate")
	s256, s384, s512 := sha256.Sum256(der), sha512.Sum384(der), sha512.Sum512(der)
	good := colons(s256[:])
	for _, c := range []struct {
		name    string
		f       Fingerprint
		parses  bool
		matches bool
	}{
		{"sha-256", Fingerprint{"sha-256", good}, true, true},
		{"sha-384", Fingerprint{"sha-384", colons(s384[:])}, true, true},
		{"sha-512", Fingerprint{"sha-512", colons(s512[:])}, true, true},
		{"cases mixed", Fingerprint{"SHA-256", strings.ToLower(good)}, true, true},
		{"another digest", Fingerprint{"sha-256", "00" + good[2:]}, true, good[:2] == "00"},
		{"a deprecated hash", Fingerprint{"sha-1", good[:59]}, false, false},
		{"no hash", Fingerprint{"", good}, false, false},
		{"no value", Fingerprint{"sha-256", ""}, false, false},
		{"too short", Fingerprint{"sha-256", good[:92]}, false, false},
		{"too long", Fingerprint{"sha-256", good + ":00"}, false, false},
		{"of another hash", Fingerprint{"sha-512", good}, false, false},
		{"no hexadecimal", Fingerprint{"sha-256", "GG" + good[2:]}, false, false},
		{"no colons", Fingerprint{"sha-256", strings.ReplaceAll(good, ":", "-")}, false, false},
	} {
		d, err := c.f.parse()
		if (err == nil) != c.parses {
			t.Errorf("%s: parsing gives %v", c.name, err)
		}
		if err == nil && d.matches(der) != c.matches {
			t.Errorf("%s: matching gives %v", c.name, !c.matches)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	c := certify(t, ECDSA)
	for name, config := range map[string]Config{
		"no certificate":      {RemoteFingerprint: c.Fingerprint()},
		"no fingerprint":      {Certificate: c},
		"an unknown profile":  {Certificate: c, RemoteFingerprint: c.Fingerprint(), Profiles: []Profile{2}},
		"an MTU of 100 bytes": {Certificate: c, RemoteFingerprint: c.Fingerprint(), MTU: 100},
	} {
		if _, err := NewServer(config); err == nil || !strings.HasPrefix(err.Error(), "dtls: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
