package domain

import "strings"

// Source says how a contact came to be, as far as its system tells.
type Source string

// The sources. UnknownCaller is not told but seen: a caller or sender of whom neither a name nor an email is known.
const (
	FromHubSpot   Source = "hubspot"
	TypedIn       Source = "typed_in"
	Imported      Source = "import"
	FromForm      Source = "form"
	AnsweredCall  Source = "answered_call"
	MissedCall    Source = "missed_call"
	TextMessage   Source = "text_message"
	UnknownCaller Source = "unknown_caller"
	OtherSource   Source = "other" // another integration, or not told
)

// Sources lists them, in the order people are shown.
var Sources = []Source{
	FromHubSpot, TypedIn, Imported, FromForm, AnsweredCall, MissedCall, TextMessage, UnknownCaller, OtherSource,
}

// intake are Aloware's documented words for how a contact came to be. A call is answered or missed by what is told of
// it afterwards: CallSource.
var intake = map[string]Source{
	"ui": TypedIn, "aloware": TypedIn, "web": TypedIn, "click-to-call": TypedIn,
	"imports": Imported, "init": Imported,
	"form-capture": FromForm, "register_form": FromForm, "email-capture": FromForm, "facebook": FromForm,
	"voip-sms": TextMessage, "single-sms": TextMessage, "zapier-sms": TextMessage,
}

// NativeHubSpot reports the words of Aloware's own integration with HubSpot for contacts it made.
func NativeHubSpot(word string) bool {
	word = strings.ToLower(strings.TrimSpace(word))
	return word == "hubspot" || word == "hubspot-webhook"
}

// calledIn is Aloware's word for contacts that came to be with a call.
const calledIn = "voip-call"

// IntakeSource reads Aloware's intake source. call is true when the contact came to be with a call, of which the word
// does not say how it ended.
func IntakeSource(word string) (s Source, call bool) {
	word = strings.ToLower(strings.TrimSpace(word))
	if word == calledIn {
		return "", true
	}
	if s, ok := intake[word]; ok {
		return s, false
	}
	return OtherSource, false
}

// CallSource reads the name of an Aloware event about a call: InboundPhoneCall-DispositionMissed. A call a user makes
// counts as answered; one that rings, or an event about something else, tells nothing.
func CallSource(event string) (s Source, ok bool) {
	call, disposition, ended := strings.Cut(strings.ToLower(event), "-disposition")
	switch {
	case !ended || !strings.HasSuffix(call, "phonecall"):
		return "", false
	case strings.HasPrefix(call, "outbound") || disposition == "completed":
		return AnsweredCall, true
	default: // missed, abandoned, failed, voicemail …: nobody spoke
		return MissedCall, true
	}
}
