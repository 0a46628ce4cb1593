package domain_test

import (
	"slices"
	"testing"

	"github.com/duolog/duolog/domain"
)

func TestIntakeSource(t *testing.T) {
	for word, want := range map[string]domain.Source{
		"ui": domain.TypedIn, "click-to-call": domain.TypedIn, " UI ": domain.TypedIn, "imports": domain.Imported,
		"form-capture": domain.FromForm, "facebook": domain.FromForm, "voip-sms": domain.TextMessage,
		"hubspot-webhook": domain.OtherSource, "zoho": domain.OtherSource, "voip-fax": domain.OtherSource,
		"": domain.OtherSource, "something new": domain.OtherSource,
	} {
		if got, call := domain.IntakeSource(word); got != want || call {
			t.Errorf("%q: %s, a call: %v; want %s", word, got, call, want)
		}
	}
	if got, call := domain.IntakeSource("voip-call"); got != "" || !call {
		t.Errorf("a call: %q, %v", got, call)
	}
	if !slices.Contains(domain.Sources, domain.UnknownCaller) {
		t.Error("people can say nothing about unknown callers")
	}
}

func TestCallSource(t *testing.T) {
	for event, want := range map[string]domain.Source{
		"InboundPhoneCall-DispositionMissed": domain.MissedCall, "InboundPhoneCall-DispositionFailed": domain.MissedCall,
		"InboundPhoneCall-DispositionCompleted":  domain.AnsweredCall,
		"OutboundPhoneCall-DispositionCompleted": domain.AnsweredCall,
		"OutboundPhoneCall-DispositionFailed":    domain.AnsweredCall,
		"InboundPhoneCall":                       "", "Call-Disposed": "", "InboundSMS-DispositionCompleted": "",
		"Contact-Created": "", "": "",
	} {
		got, ok := domain.CallSource(event)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", event, got, ok, want)
		}
	}
}
