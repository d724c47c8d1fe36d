"""The site's file: what is wrong in it is said in one line that says what to write."""

import re
from pathlib import Path

import pytest

from environments.layout import Layout
from environments.site import Site, SiteError, load_site

WHOLE = """
root = "/scratch/{user}/.conda"
workspace = "/scratch/{user}/workspace"
channels = ["https://mirror.example/conda-forge/", "file:///srv/channel"]
definitions = "/etc/hpchub/environments"
locks = "/srv/locks"
engine = "mamba"
engine_program = "/opt/conda/bin/mamba"
platforms = ["linux-64"]
[channel_aliases]
defaults = "https://mirror.example/conda-forge"
[public_channels]
"https://mirror.example/conda-forge" = "https://channels.example/conda-forge"
[variables]
https_proxy = "http://proxy.example:3128"
[cuda]
gpu = "12.8"
[[sets]]
name = "base"
[plugins]
specs = ["tensorboard"]
[runtimes.apptainer]
command = ["/usr/bin/apptainer", "exec", "{gpus}", "{binds}", "--pwd={workdir}", "{image}", "{command}"]
bind = ["--bind={path}"]
gpu = ["--nv"]
[[images]]
name = "x"
runtime = "apptainer"
path = "/srv/x.sif"
"""


def load(tmp_path: Path, text: str) -> Site:
    path = tmp_path / "environments.toml"
    path.write_text(text)
    return load_site(path)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    site = load(tmp_path, WHOLE)
    assert site.channels == ("https://mirror.example/conda-forge", "file:///srv/channel")
    assert site.layout_of("anna") == Layout(Path("/scratch/anna/.conda"))
    assert site.channel_of("defaults") == site.channel_of("conda-forge") == site.channels[0]
    assert site.known_channels() == ("defaults", "conda-forge", "channel")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('root = "/scratch/.conda"', "{user}"),
        ('root = "/scratch/{usr}/.conda"', "{user}"),
        ('root = "/scratch/{user}/{id}"', "{user}"),
        ('root = "{user}/.conda"', "absolute"),
        ('workspace = "/scratch/{user}/../x"', "absolute"),
        ('locks = "locks"', "absolute"),
        ('definitions = "./x"', "absolute"),
        ('channels = ["conda-forge"]', "https://mirror.example/conda-forge"),
        ('channels = ["https://me:secret@mirror.example/x"]', "password"),
        ('channels = ["ftp://mirror.example/x"]', "https://"),
        ('channels = ["https:///x"]', "host"),
        ('channels = ["https://mirror.example/x?token=1"]', "question mark"),
        ('channels = ["https://mirror.example/../x"]', "dots"),
        ('engine = "conda"', "engine_program: write the absolute path, such as /opt/conda/bin/conda"),
        ('engine = "micromamba"\nengine_program = "micromamba"', "/opt/conda/bin/micromamba"),
        ('engine_program = "/opt/conda/bin/conda"', "rattler needs no program"),
        ('engine = "pip"', "rattler"),
        ('default = "base"', "default"),
        ('default = "x-0123abcd"', "default"),
        ('platforms = ["win-64"]', "platforms"),
        ("platforms = []", "platforms"),
        ("keep_generations = 0", "keep_generations"),
        ('chanels = ["x"]', "there is no such setting; there are: channel_aliases, channels"),
        ('[plugins]\nspecs = ["--yes"]', "plugins.specs"),
        ('[plugins]\nspec = ["x"]', "there are: profile, specs"),
        ("[plugins.profile]\nminutes = 5", "plugins.profile.queue"),
        ('[plugins.profile]\nqueue = "a"\nqeue = "b"', "there are: cpus_per_engine, engines"),
        ('[plugins.profile]\nqueue = "gpu --uid=0"', "plugins.profile.queue"),
        ('[plugins.profile]\nqueue = "a"\npartition = "-a"', "plugins.profile.partition"),
        ('[plugins.profile]\nqueue = "a"\nname = "../x"', "plugins.profile.name"),
        ('[plugins.profile]\nqueue = "a"\nname = "default"', "take another name"),
        ('[plugins.profile]\nqueue = "a"\noptions = ["--gres gpu:1"]', "--name=value in one word"),
        ('[plugins.profile]\nqueue = "a"\noptions = ["-p", "x"]', "--name=value in one word"),
        ('[plugins.profile]\nqueue = "a"\noptions = ["--comment=a\\nb"]', "--name=value in one word"),
        ('[plugins.profile]\nqueue = "a"\noptions = ["--export=ALL"]', "--export is set by"),
        ('[plugins.profile]\nqueue = "a"\nlog = "/var/log"', "plugins.profile.log"),
        ('[plugins.profile]\nqueue = "a"\nlog = "/s/{user}/%u"', "which Slurm would replace"),
        ('[plugins.profile]\nqueue = "a"\nengines = 0', "plugins.profile.engines"),
        ('[cuda]\ngpu = "12"', "cuda"),
        ('[variables]\n"a b" = "x"', "variable"),
        ('[variables]\nX = "a\\nb"', "line's end"),
        ('[[sets]]\nname = "base"', "channels: set base has none"),
        ('[[shared]]\nname = "x"\nprefix = "x"', "absolute"),
        ('[runtimes.x]\ncommand = ["x", "{image}"]', "{command}"),
        ('[runtimes.x]\ncommand = ["x", "{command}"]', "{image}"),
        ('[runtimes.x]\ncommand = ["{image}", "{command}"]', "program"),
        ('[runtimes.x]\ncommand = ["x", "--bind={binds}", "{image}", "{command}"]', "word of its own"),
        ('[runtimes.x]\ncommand = ["x", "{home}", "{image}", "{command}"]', "stands for nothing"),
        ('[runtimes.x]\ncommand = ["x", "{image}", "{command}"]\nbind = ["{path}"]', "{binds}"),
        ('[runtimes.x]\ncommand = ["x", "{binds}", "{image}", "{command}"]\nbind = ["-B"]', "{path}"),
        ('[[images]]\nname = "x"\nruntime = "y"\npath = "/x"', "no runtime 'y'"),
        ("[cuda]\nv100 = 12.8", "cuda.v100: 12.8 stands there"),
    ],
)
def test_what_is_wrong_is_named_with_what_to_write(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(SiteError) as caught:
        load(tmp_path, line)
    assert said in str(caught.value)
    assert str(tmp_path / "environments.toml") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_or_no_toml_is_told(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="HPCHUB_ENVIRONMENTS"):
        load_site(tmp_path / "none.toml")
    with pytest.raises(SiteError, match="not TOML"):
        load(tmp_path, "root = ")


def test_every_setting_is_described() -> None:
    about = Site.__doc__ or ""
    assert [name for name in Site.model_fields if name not in about] == []


def test_the_demo_says_every_setting() -> None:
    template = (Path(__file__).parents[3] / "demo/etc/environments.toml.j2").read_text()
    words = set(re.findall(r"^(?:# )?\[*([a-z_]+)", template, re.MULTILINE))
    assert sorted(set(Site.model_fields) - words) == []
