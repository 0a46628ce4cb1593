package hubspot

// paths builds HubSpot's paths for a version segment: "v3" or a date. The numbered API has it behind "crm", the dated
// one behind the API's own name.
type paths string

func (v paths) crm(api string) string {
	if v == "v3" {
		return "/crm/v3/" + api
	}
	return "/crm/" + api + "/" + string(v)
}

func (v paths) contacts(rest string) string   { return v.crm("objects") + "/contacts" + rest }
func (v paths) properties(rest string) string { return v.crm("properties") + "/contacts" + rest }

func (v paths) account() string { return "/account-info/" + string(v) + "/details" }

func (v paths) token() string { return "/oauth/" + string(v) + "/token" }

func (v paths) introspect() string { return v.token() + "/introspect" }

func (v paths) associations(rest string) string {
	if v == "v3" { // associations never had a version 3 of this shape
		return "/crm/v4/associations" + rest
	}
	return v.crm("associations") + rest
}
