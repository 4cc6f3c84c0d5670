package doctor

import (
	"fmt"
	"strings"
)

// cloud is whose machine this is. Its firewall is outside of the machine, where no
// command here can look: whoever does not know it by name never finds it.
type cloud struct {
	name string
	rule string // what its console calls a rule that lets packets in
}

// cloudOf recognises the cloud by what the firmware says of its maker.
func cloudOf(t *Target) (cloud, bool) {
	var said []string
	for _, name := range []string{"sys_vendor", "product_name", "product_version", "bios_vendor", "bios_version", "chassis_asset_tag"} {
		said = append(said, t.read("/sys/class/dmi/id/"+name))
	}
	all := strings.Join(said, "\n")
	for _, known := range []struct {
		mark string
		cloud
	}{
		{"Amazon", cloud{"AWS", "an inbound rule of the instance's security group"}},
		{"amazon", cloud{"AWS", "an inbound rule of the instance's security group"}},
		{"Google", cloud{"Google Cloud", "a VPC firewall rule (direction ingress)"}},
		// Azure's tag, which other machines with Hyper-V do not have.
		{"7783-7084-3265-9085-8269-3286-77", cloud{"Azure", "an inbound security rule of the network security group (NSG)"}},
		{"Alibaba", cloud{"Alibaba Cloud", "an inbound rule of the security group"}},
		{"Tencent", cloud{"Tencent Cloud", "an inbound rule of the security group (of the Lighthouse firewall, for such a machine)"}},
		{"Hetzner", cloud{"Hetzner", "an inbound rule of the firewall in the Cloud Console"}},
		{"DigitalOcean", cloud{"DigitalOcean", "an inbound rule of the cloud firewall"}},
		{"OracleCloud", cloud{"Oracle Cloud", "an ingress rule of the subnet's security list or of the network security group"}},
	} {
		if strings.Contains(all, known.mark) {
			return known.cloud, true
		}
	}
	return cloud{}, false
}

// portRange is what a firewall has to let in.
type portRange struct {
	protocol string // "udp" or "tcp"
	from, to uint16 // both inclusive
}

func (p portRange) String() string { return strings.ToUpper(p.protocol) + " " + p.span("-") }

// span writes the ports as one firewall or another wants them.
func (p portRange) span(dash string) string {
	if p.from == p.to {
		return fmt.Sprint(p.from)
	}
	return fmt.Sprintf("%d%s%d", p.from, dash, p.to)
}

// open says in one line what lets ports in: the commands for the firewall of this
// machine, and the name of the setting for the one around it.
func (t *Target) open(all ...portRange) (advice string, remedies []remedy) {
	f := firewallOf(t)
	var names, steps []string
	for _, p := range all {
		names = append(names, p.String())
		for _, c := range f.open(p) {
			steps = append(steps, shellLine(c))
			remedies = append(remedies, run(c...))
		}
	}
	if len(remedies) > 0 {
		remedies[len(remedies)-1].after = f.keep()
	}
	advice = "open " + strings.Join(names, ", ")
	if len(steps) > 0 {
		advice += " on this machine: " + strings.Join(steps, " && ")
		if keep := f.keep(); keep != "" {
			advice += ", and " + keep
		}
	}
	if c, known := cloudOf(t); known {
		if len(steps) > 0 {
			advice += "; and"
		}
		return advice + fmt.Sprintf(" in %s, by %s", c.name, c.rule), remedies
	}
	if len(steps) == 0 {
		advice += " in the firewall in front of this machine: in a cloud that is the security group (AWS, Alibaba Cloud, Tencent Cloud), a VPC firewall rule (Google Cloud) or an NSG inbound rule (Azure)"
	}
	return advice, remedies
}

// needed is what the world must be let in to.
func (t *Target) needed() []portRange {
	var out []portRange
	add := func(protocol string, from, to uint16) {
		p := portRange{protocol, from, to}
		for _, known := range out {
			if known == p {
				return
			}
		}
		out = append(out, p)
	}
	for _, a := range t.Listen.UDP {
		add("udp", a.Port(), a.Port())
	}
	for _, a := range t.Listen.TCP {
		add("tcp", a.Port(), a.Port())
	}
	for _, a := range t.Listen.TLS {
		add("tcp", a.Port(), a.Port())
	}
	for _, a := range t.Listen.DTLS {
		add("udp", a.Port(), a.Port())
	}
	if !t.STUNOnly && t.MinPort != 0 {
		add("udp", t.MinPort, t.MaxPort)
	}
	return out
}
