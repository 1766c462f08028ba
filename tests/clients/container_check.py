"""Checks Dockerfile and docker-compose.yml without a container engine: their grammar, and that what they say is what the
program promises. Usage: container_check.py BINARY"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from ruamel.yaml import YAML

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.path.abspath(sys.argv[1])
BIN = pathlib.Path(sys.executable).parent
TEXT = (ROOT / "docker-compose.yml").read_text()


def composed(text=TEXT, **variables):
    """The file as Compose reads it, with these variables in its environment."""
    return YAML(typ="safe").load(re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: variables.get(found[1], found[2]), text))


COMPOSE = composed()
SERVICES = COMPOSE["services"]
DOCKERFILE = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
STEPS = [line.split(None, 1) for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]
passed = failed = 0
skipped = 1


def check(name, holds, why=""):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    print(f"{'ok' if holds else 'not ok'} - {name}{'' if holds else f': {why}'}")


def run(*words, env=None):
    return subprocess.run(words, capture_output=True, text=True, env=env, cwd=ROOT, timeout=60)


def final():
    """The steps of the image itself."""
    last = max(at for at, (word, _) in enumerate(STEPS) if word == "FROM")
    return STEPS[last:]


def value(word):
    return [rest for known, rest in final() if known == word]


schema = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
outcome = run(*schema, "docker-compose.yml")
check("docker-compose.yml follows the Compose specification", outcome.returncode == 0, outcome.stdout)
broken = TEXT.replace("stop_grace_period", "stop_grace_perioods")
outcome = subprocess.run([*schema, "-"], input=broken, capture_output=True, text=True)
check("an unknown key would be noticed", outcome.returncode != 0)
outcome = run(str(BIN / "hadolint"), "Dockerfile")
check("Dockerfile has no complaint of hadolint", outcome.returncode == 0, outcome.stdout)
outcome = subprocess.run([str(BIN / "hadolint"), "-"], input="FROM debian\nRUN cd /x && sudo true\n", capture_output=True, text=True)
check("a bad Dockerfile would be noticed", outcome.returncode != 0)

check("the image has no shell", "distroless" in value("FROM")[0])
check("it does not run as root", value("USER") == ["65532:65532"])
check("it has one volume, which is its directory", value("VOLUME") == ['["/data"]'] and value("WORKDIR") == ["/data"])
check("its health check is the program's own", "signbridge\", \"healthcheck\"" in value("HEALTHCHECK")[0])
check("its labels are OCI's", "org.opencontainers.image.licenses" in value("LABEL")[0])
exposed = value("EXPOSE")[0]
image_environment = dict(pair.split("=", 1) for pair in " ".join(value("ENV")).split())
smallest = {"SIGNBRIDGE_ISSUER": "https://id.example", "SIGNBRIDGE_SECSIGN__URL": "https://httpapi.secsign.com"}


def listens(environment):
    """Where a provider with this environment listens: itself, and for its health check."""
    outcome = run(BINARY, "config", "show", "--format", "json", env=smallest | environment)
    listen = json.loads(outcome.stdout)["listen"]
    return [listen[key] for key in ("address", "management")]


check("it listens where it says", listens(image_environment)[0] == f"0.0.0.0:{exposed}", listens(image_environment))
check("without its environment nobody would reach it", listens({})[0] == f"127.0.0.1:{exposed}", listens({}))
check("its health check asks on loopback", listens(image_environment)[1].startswith("127.0.0.1:"), listens(image_environment))
check("no secret stands in it", not re.search(r"(?i)secret|password|token", DOCKERFILE))
outcome = run(BINARY, "healthcheck", "--help")
check("the program knows the health check", outcome.returncode == 0, outcome.stderr)
version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
check("its version is that of Cargo.toml", f'version="{version}"' in value("LABEL")[0])
ignored = (ROOT / ".dockerignore").read_text().splitlines()
needed = {".cargo", "Cargo.toml", "Cargo.lock", "src", "migrations", "simulator", "templates", "benches"}
check("the build sees its sources and nothing else", ignored[0] == "*" and needed <= {line[1:] for line in ignored})

builds = [rest for word, rest in STEPS if word == "RUN" and "cargo build" in rest]
check("the image is built without the demonstration", len(builds) == 1 and "--no-default-features" in builds[0] and ["FEATURES=\"\""] ==
      [rest for word, rest in STEPS if word == "ARG" and rest.startswith("FEATURES")], builds)
check("it is built with the profile of what is installed", "--profile dist" in builds[0] and any("target/dist/" in rest for word, rest in STEPS if word == "COPY"))
asked = [service["build"]["args"]["FEATURES"] for service in SERVICES.values() if "build" in service]
check("the composed services ask for the demonstration, under another name", asked and set(asked) == {"demo"} and
      {service["image"] for service in SERVICES.values() if "build" in service} == {"signbridge-demo"}, asked)
own = {name: service for name, service in SERVICES.items() if service.get("image") == "signbridge-demo"}
for name, service in own.items():
    hard = service["read_only"] and service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"]
    check(f"{name} is read-only, without capabilities", hard)
    words = service.get("command", ["serve"])
    if not any(word.startswith("--recipe") for word in words):
        # The last --help wins over everything else; an unknown flag before it does not.
        outcome = run(BINARY, *words, "--help")
        check(f"the program understands the command of {name}", outcome.returncode == 0, outcome.stderr)
    else:
        known = run(BINARY, "client", "create", "--help").stdout
        flags = {word.split("=")[0] for word in words if word.startswith("--")}
        check(f"{name} can run twice", "--replace" in flags)
        if "--recipe" in known:
            check(f"the program knows the flags of {name}", all(flag in known for flag in flags), f"{flags}")
        else:
            skipped += 1
            print(f"!!! SKIPPED: {name}: this program has no recipes")
for name, service in SERVICES.items():
    for port in service.get("ports", []):
        check(f"{name} publishes {port} on loopback only", str(port).startswith("127.0.0.1:"))
check("without a profile there is Signbridge alone", [n for n, s in SERVICES.items() if "profiles" not in s] == ["signbridge"])
profiles = {profile for service in SERVICES.values() for profile in service.get("profiles", [])}
check("the profiles are postgres, keycloak and grafana", profiles == {"postgres", "keycloak", "grafana"})


def volumes(service):
    """The named volumes that a service mounts."""
    sources = [mount["source"] if isinstance(mount, dict) else mount.split(":")[0] for mount in service.get("volumes", [])]
    return {source for source in sources if not source.startswith((".", "/"))}


def unkept(services):
    """Volumes that one service leaves to another, without one that has them mounted before it begins and goes on after it
    ended: in memory they would be empty by then."""
    waits = [(name, on, how) for name, s in services.items() for on, how in s.get("depends_on", {}).items()]
    ends = {on for _, on, how in waits if how["condition"] == "service_completed_successfully"}
    lost = []
    for name in ends:
        staying = [services[on] for waiting, on, _ in waits if waiting == name and on not in ends]
        shared = {volume for other, s in services.items() if other != name for volume in volumes(s)} & volumes(services[name])
        lost += [(name, volume) for volume in shared if not any(volume in volumes(service) for service in staying)]
    return lost


check("a volume that a recipe fills stays mounted", unkept(SERVICES) == [], unkept(SERVICES))
dropped = composed(TEXT.replace(', "recipes:/recipes:ro"]', "]"))["services"]
lost = {("keycloak-recipe", "recipes"), ("grafana-recipe", "recipes")}
check("one that does not would be noticed", set(unkept(dropped)) == lost, unkept(dropped))
in_memory = {name for name, volume in COMPOSE["volumes"].items() if volume.get("driver_opts", {}).get("type") == "tmpfs"}
check("client, secret and recipe live equally long", {"data", "recipes"} <= in_memory & volumes(SERVICES["signbridge"]))
check("Keycloak forgets with them", "--db=dev-mem" in SERVICES["keycloak"]["command"])
for name, options in (mount.split(":") for mount in SERVICES["grafana"]["tmpfs"]):
    user, group = SERVICES["grafana"]["user"].split(":")
    ours = {f"uid={user}", f"gid={group}"} <= set(options.split(","))
    check("so does Grafana, whose user owns the place", name == "/var/lib/grafana" and ours, options)

moved = composed(KEYCLOAK_PORT="8280", GRAFANA_PORT="3300")["services"]
for name, ports in {"keycloak": (8180, 8280), "grafana": (3000, 3300)}.items():
    for services, port in zip((SERVICES, moved), ports):
        joined = services[name]["network_mode"] == "service:signbridge" and "ports" not in services[name]
        published = f"127.0.0.1:{port}:{port}" in services["signbridge"]["ports"]
        check(f"{name} and browsers see one issuer, {name} at {port}", joined and published)
        command = services[f"{name}-recipe"]["command"]
        check(f"the recipe of {name} names {port}", f"--url=http://localhost:{port}" in command, command)
        said = [*services[name].get("command", []), services[name].get("environment", {}).get("GF_SERVER_HTTP_PORT")]
        check(f"{name} listens at {port}", f"--http-port={port}" in said or str(port) in said, said)
    check(f"{name} waits for its recipe", f"{name}-recipe" in SERVICES[name]["depends_on"])
environment = {key: str(value) for key, value in SERVICES["provider"]["environment"].items()}
outcome = run(BINARY, "config", "check", env=environment)
check("the provider's environment is a configuration", outcome.returncode == 0, outcome.stderr)
mode = COMPOSE["volumes"]["data"]["driver_opts"]["o"]
check("the program's user owns its volume", f"uid={value('USER')[0].split(':')[0]}," in mode and "mode=0700" in mode)



def played(data, recipes):
    """What the containers of the demonstration do, as processes: their commands, in their order, with the image's environment."""
    env = image_environment
    demo = subprocess.Popen(
        [BINARY, "demo", "--data-dir", data, "--port", "0", "--format", "json"], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        check("the demonstration starts with the environment of the image", demo.stdout.readline().startswith(b'{"'))
        outcome = subprocess.run([BINARY, "healthcheck"], cwd=data, env=env, capture_output=True, text=True, timeout=60)
        check("its health check finds it", outcome.returncode == 0, outcome.stderr)
        for name, file in {"keycloak": "signbridge-realm.json", "grafana": "grafana.ini"}.items():
            words = [word.replace("/recipes/", f"{recipes}/") for word in SERVICES[f"{name}-recipe"]["command"]]
            secrets = []
            for time in ("once", "twice"):
                command = [BINARY, *words, "--format", "json"]
                outcome = subprocess.run(command, cwd=data, env=env, capture_output=True, text=True, timeout=60)
                check(f"the recipe of {name} succeeds {time}", outcome.returncode == 0, outcome.stderr)
                secrets.append(json.loads(outcome.stdout or "{}").get("client_secret"))
            left = (pathlib.Path(recipes) / name / file).read_text()
            check(f"{name} has the secret that counts, also if it has read it before", secrets[0] == secrets[1] and secrets[1] in left)
    finally:
        demo.terminate()
        demo.wait(timeout=30)


with tempfile.TemporaryDirectory() as data, tempfile.TemporaryDirectory() as recipes:
    played(data, recipes)

print("!!! SKIPPED: not started: no container engine")
print(f"# pass {passed}\n# fail {failed}\n# skipped {skipped}")
sys.exit(1 if failed else 0)
